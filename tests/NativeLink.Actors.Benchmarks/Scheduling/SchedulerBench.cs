using System.Diagnostics;

namespace NativeLink.Actors.Benchmarks.Scheduling;

/// <summary>
/// What the scheduler of the local cluster costs with little and with much in its queue. Both
/// engines are asked in turns, so that whatever else the machine does concerns both alike.
/// </summary>
internal static class SchedulerBench
{
    /// <summary>The program's word for it.</summary>
    public const string Command = "scheduler";

    private const int Rounds = 20_000;

    /// <summary>
    /// As promised: a submit beside 100,000 operations of 10,000 property sets takes at most twice
    /// as long as beside 1,000 of one.
    /// </summary>
    private const double MostTimesLonger = 2;

    /// <returns>The exit code: 1 when it takes longer than that, or a worker was evicted.</returns>
    public static int Run()
    {
        var (few, many) = (new LoadedEngine(1_000, 1), new LoadedEngine(100_000, 10_000));
        var times = Enumerable.Range(0, 6).Select(_ => new List<long>(Rounds)).ToArray();
        for (var i = 0; i < Rounds; i++)
        {
            foreach (var (engine, at) in ((LoadedEngine, int)[])[(few, 0), (many, 3)])
            {
                engine.KeepAlive();
                times[at].Add(engine.TimeSubmit());
                var (complete, result) = engine.TimeResult();
                times[at + 1].Add(complete);
                times[at + 2].Add(result);
            }
        }

        var ratio = Report("submit", times[0], times[3]);
        Report("execute_complete", times[1], times[4]);
        Report("execute_result", times[2], times[5]);
        Console.WriteLine(
            $"memory an operation that waits: {few.BytesAnOperation:F0} and {many.BytesAnOperation:F0} bytes");
        var evicted = few.IsEvicted || many.IsEvicted;
        Console.WriteLine(
            $"workers evicted: {(evicted ? "yes" : "none")}; waiting at the end: {few.Queued} and {many.Queued}");
        return ratio <= MostTimesLonger && !evicted ? 0 : 1;
    }

    /// <summary>The ratio of the 99th percentiles.</summary>
    private static double Report(string what, List<long> few, List<long> many)
    {
        var ratio = At(many, 0.99) / At(few, 0.99);
        Console.WriteLine(
            $"{what}: with 1,000 of 1 set p50 {At(few, 0.5):F1} p99 {At(few, 0.99):F1} us; " +
            $"with 100,000 of 10,000 sets p50 {At(many, 0.5):F1} p99 {At(many, 0.99):F1} us; p99 ratio {ratio:F2}");
        return ratio;
    }

    private static double At(List<long> ticks, double part)
    {
        var sorted = ticks.Skip(ticks.Count / 10).Order().ToList();
        return Stopwatch.GetElapsedTime(0, sorted[(int)(part * (sorted.Count - 1))]).TotalMicroseconds;
    }
}
