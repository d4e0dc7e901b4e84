using System.Globalization;
using System.Runtime.InteropServices;
using NativeLink.Actors.Benchmarks;
using NativeLink.Actors.Benchmarks.Chaos;
using NativeLink.Actors.Benchmarks.Crash;
using NativeLink.Actors.Benchmarks.Faults;
using NativeLink.Actors.Benchmarks.Flood;
using NativeLink.Actors.Benchmarks.Floors;
using NativeLink.Actors.Benchmarks.Inner;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Benchmarks.Ruler;
using NativeLink.Actors.Benchmarks.Scheduling;
using NativeLink.Actors.Benchmarks.Soak;
using NativeLink.Actors.Benchmarks.Targets;

switch (args)
{
    // What this program starts of itself.
    case [ServerProcess.InstantWorkerCommand, .., var file]:
        await InstantWorker.RunAsync(file);
        return 0;
    case [BareStream.ServerCommand]:
        await BareStream.ServeAsync();
        return 0;
    case [CachedRoot.ReaderCommand, var directory, var count]:
        CachedRoot.Read(directory, int.Parse(count, CultureInfo.InvariantCulture));
        return 0;
}

if (args is [SchedulerBench.Command])
    return SchedulerBench.Run();
if (args is ["micro", .. var filter])
    return Micro.Run(filter);
if (args is [Spawns.Command, .. var words])
    return await Spawns.RunAsync(words);
if (Arguments.Parse(args) is not { } arguments)
{
    Console.WriteLine(Arguments.Help);
    return args is ["--help"] ? 0 : 2;
}
OwnMounts.Enter(args);
using var context = await BenchContext.CreateAsync(arguments.Binary, arguments.Quick, arguments.Latency);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Leave);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Leave);
var code = arguments.Command switch
{
    Arguments.CrashCommand => await CrashRounds.RunAsync(
        context, arguments.CrashWords!.Value.Which, arguments.CrashWords!.Value.Rounds, arguments.Seed),
    Arguments.RulerCommand => await RulerRun.RunAsync(context, arguments),
    Arguments.SoakCommand => await SoakRun.RunAsync(context, arguments),
    Arguments.ChaosCommand => await ChaosRun.RunAsync(context, arguments),
    Arguments.FloodCommand => await FloodRun.RunAsync(context, arguments),
    Arguments.FaultsCommand => await FaultRun.RunAsync(context, arguments),
    _ => await TargetRun.RunAsync(context, arguments),
};
// The thread of the signal removes what there is, and ends this process.
if (context.IsEnding)
    await Task.Delay(Timeout.Infinite);
return code;

void Leave(PosixSignalContext signal)
{
    context.Dispose();
    Environment.Exit(130);
}
