using System.Globalization;
using System.Runtime.InteropServices;
using NativeLink.Actors.Benchmarks;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Benchmarks.Targets;

switch (args)
{
    case [ServerProcess.InstantWorkerCommand, .., var file]:
        await InstantWorker.RunAsync(file);
        return 0;
    case [CachedRoot.ReaderCommand, var directory, var count]:
        CachedRoot.Read(directory, int.Parse(count, CultureInfo.InvariantCulture));
        return 0;
    case ["targets", ..]:
        break;
    default:
        Console.WriteLine("""
            targets [T2 T7 …] [--quick] [--binary FILE]   measure the targets (all, or those named), a line for each finding

            --quick   a quarter of the passes, on ext4 alone
            --binary  this published program, instead of one published now

            A line ends with "ok", "falls-short" or "not-measured: why", and the ratio to the target or the floor; floors are measured in the same run. As
            root the file systems to measure on (ext4 with its journal on a loop device, tmpfs) are mounted in a namespace of the program's own. The exit
            code is 0 when each could be measured: falling short is an answer.
            """);
        return args is ["--help"] ? 0 : 2;
}

args = OwnMounts.Enter(args);
var binary = Array.IndexOf(args, "--binary") is var at and > 0 && at + 1 < args.Length ? args[at + 1] : null;
var wanted = args.Skip(1).Where(arg => !arg.StartsWith("--", StringComparison.Ordinal) && arg != binary).ToHashSet(StringComparer.OrdinalIgnoreCase);
using var context = await BenchContext.CreateAsync(binary, args.Contains("--quick"));
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => Leave());
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => Leave());
return await TargetRun.RunAsync(context, wanted);

void Leave()
{
    context.Dispose();
    Environment.Exit(130);
}
