using System.Diagnostics;
using System.Globalization;
using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Testing.Scheduling;

namespace NativeLink.Actors.Benchmarks.Targets;

/// <summary>T8: from starting the published program to its registration at the scheduler.</summary>
internal static class StartUp
{
    private const int Rounds = 9;
    private const double TargetSeconds = 0.5;

    public static async Task<IReadOnlyList<Finding>> MeasureAsync(BenchContext context)
    {
        var times = await SampleAsync(context, Rounds);
        var median = times.Order().ElementAt(Rounds / 2);
        return [Finding.Against("start to registered", median, TargetSeconds, "s", string.Create(
            CultureInfo.InvariantCulture, $"median of {Rounds}; min {times.Min():0.000}, max {times.Max():0.000}"))];
    }

    /// <summary>Seconds, one a start.</summary>
    public static async Task<IReadOnlyList<double>> SampleAsync(BenchContext context, int rounds)
    {
        await using var scheduler = await ScriptedScheduler.StartAsync();
        var file = WorkerFile.Write(context, scheduler.Address.Authority, scheduler.Address.Authority);
        var times = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            var began = Stopwatch.GetTimestamp();
            await using var worker = ServerProcess.StartWorker(context, file);
            await worker.ExpectAsync(scheduler.NextAsync());
            times.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
        }
        return times;
    }
}
