using System.Diagnostics;
using System.Globalization;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Targets;

/// <summary>T8: from starting the published program to its registration at the scheduler.</summary>
internal static class StartUp
{
    private const int Rounds = 9;
    private const double TargetSeconds = 0.5;

    public static async Task<IReadOnlyList<string>> MeasureAsync(BenchContext context)
    {
        await using var scheduler = await ListeningScheduler.StartAsync();
        var file = WorkerFile.Write(context, scheduler.Address, scheduler.Address);
        var times = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            var registered = scheduler.NextRegistration();
            var began = Stopwatch.GetTimestamp();
            await using var worker = ServerProcess.StartWorker(context, file);
            await registered.WaitAsync(TimeSpan.FromSeconds(30));
            times.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
        }
        var median = times.Order().ElementAt(Rounds / 2);
        return
        [
            TargetList.Line("start to registered", string.Create(CultureInfo.InvariantCulture, $"{median:0.000} s"), $"{TargetSeconds} s", median <= TargetSeconds,
                string.Create(CultureInfo.InvariantCulture, $"median of {Rounds}; min {times.Min():0.000}, max {times.Max():0.000}")),
        ];
    }
}
