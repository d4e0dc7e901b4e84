using NativeLink.Actors.Benchmarks;
using NativeLink.Actors.Benchmarks.Rig;

if (args.Length == 0 || args[0] != "targets")
{
    Console.WriteLine("""
        targets [T2 T7 …] [--binary FILE]   measure the targets (all, or those named), one line each; publishes the program first unless FILE is given

        A line ends with "ok", "falls-short" or "not-measured: why". Floors are measured in the same run. The exit code is 0 unless the
        measuring itself breaks: falling short is an answer.
        """);
    return args is ["--help"] ? 0 : 2;
}

var binary = Array.IndexOf(args, "--binary") is var at and > 0 && at + 1 < args.Length ? args[at + 1] : null;
var wanted = args.Skip(1).Where(arg => arg != "--binary" && arg != binary).ToHashSet(StringComparer.OrdinalIgnoreCase);
using var context = await BenchContext.CreateAsync(binary);
foreach (var (name, measure) in TargetList.All.Where(target => wanted.Count == 0 || wanted.Contains(target.Name)))
{
    try
    {
        foreach (var line in await measure(context))
            Console.WriteLine($"{name} {line}");
    }
    catch (CannotMeasureException reason)
    {
        Console.WriteLine($"{name} not-measured: {reason.Message}");
    }
}
return 0;
