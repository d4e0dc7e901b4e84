using System.Globalization;
using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Testing.Scheduling;

namespace NativeLink.Actors.Benchmarks.Targets;

/// <summary>
/// T9: a hundred idle workers in one process: what each adds
/// to the memory of a process with one, and the time they use.
/// </summary>
internal static class IdleWorkers
{
    private const int Workers = 100;
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(5);

    public static async Task<IReadOnlyList<Finding>> MeasureAsync(BenchContext context)
    {
        var watch = TimeSpan.FromSeconds(context.Quick ? 5 : 15);
        var (one, oneCpu) = await IdleAsync(context, 1, watch);
        var (many, manyCpu) = await IdleAsync(context, Workers, watch);
        return
        [
            Finding.Against($"memory added by each of {Workers} idle workers", (many - one) / (Workers - 1), 1, "MB",
                string.Create(CultureInfo.InvariantCulture, $"{many:0} MB with {Workers}, {one:0} MB with one")),
            Finding.Against($"CPU of {Workers} idle workers", manyCpu, 2, "%",
                string.Create(CultureInfo.InvariantCulture, $"of one core; {oneCpu:0.0} % with one worker")),
        ];
    }

    private static async Task<(double Megabytes, double Percent)> IdleAsync(
        BenchContext context, int workers, TimeSpan watch)
    {
        await using var scheduler = await ScriptedScheduler.StartAsync();
        await using var process = ServerProcess.StartWorker(context, WorkerFile.WriteAlone(
            context.NewDirectory($"idle-{workers}"), scheduler.Address.Authority), "--workers", $"{workers}");
        for (var worker = 0; worker < workers; worker++)
            await process.ExpectAsync(scheduler.NextAsync());
        await Task.Delay(Settle);
        var before = process.CpuTime();
        await Task.Delay(watch);
        return (process.ResidentMegabytes(), (process.CpuTime() - before) / watch * 100);
    }
}
