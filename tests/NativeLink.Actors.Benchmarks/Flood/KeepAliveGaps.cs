using System.Diagnostics;
using System.Globalization;
using NativeLink.Actors.Testing.Scheduling;

namespace NativeLink.Actors.Benchmarks.Flood;

/// <summary>
/// The gaps between a worker's keep-alives, as its scheduler reads them from the wire; the last one ends with
/// <see cref="Judge"/>, so that a worker which falls silent shows.
/// </summary>
internal sealed class KeepAliveGaps
{
    // Half of a worker's endpoint timeout, which is 5 s where the file does not say otherwise.
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2.5);
    private const double MostPeriods = 1.1;

    private readonly Lock _gate = new();
    private readonly List<double> _periods = [];
    private long _last = Stopwatch.GetTimestamp();

    private KeepAliveGaps()
    {
    }

    /// <summary>Gaps count from now on.</summary>
    public static KeepAliveGaps Watch(ScriptedWorker worker)
    {
        var gaps = new KeepAliveGaps();
        worker.KeptAlive = gaps.OnKeepAlive;
        return gaps;
    }

    /// <summary>The gaps until now: whether the 99th percentile is within bounds, and a line that says so.</summary>
    public (bool Holds, string Line) Judge()
    {
        List<double> sorted;
        lock (_gate)
        {
            _periods.Add(Stopwatch.GetElapsedTime(_last) / Period);
            sorted = [.. _periods.Order()];
        }
        // By nearest rank: of fewer than a hundred it is the longest.
        double At(double share) => sorted[(int)Math.Ceiling(share * sorted.Count) - 1];
        var holds = At(0.99) <= MostPeriods;
        return (holds, string.Create(CultureInfo.InvariantCulture,
            $"{(holds ? "ok  " : "FAIL")} keep-alive gaps: p50 {At(0.5):0.000}, p99 {At(0.99):0.000}, " +
            $"longest {sorted[^1]:0.000} periods of {Period.TotalSeconds} s, {sorted.Count} of them; " +
            $"p99 may be {MostPeriods}"));
    }

    private void OnKeepAlive()
    {
        lock (_gate)
        {
            _periods.Add(Stopwatch.GetElapsedTime(_last) / Period);
            _last = Stopwatch.GetTimestamp();
        }
    }
}
