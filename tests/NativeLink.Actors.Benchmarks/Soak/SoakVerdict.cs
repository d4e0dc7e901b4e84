using System.Globalization;

namespace NativeLink.Actors.Benchmarks.Soak;

/// <summary>
/// Whether everything stays as it is once the first ten
/// thousand actions (of a shorter run: half) have been.
/// </summary>
internal static class SoakVerdict
{
    private const int SettledAfter = 10_000;

    // The collector decides when memory goes back, a store evicts in steps: so much more is no growth.
    private const double Noise = 0.1;
    private const double CountNoise = 4;

    // Two for each third.
    private const int FewestSamples = 6;

    /// <summary>
    /// The end of a run is compared with its beginning, each a third of what comes after the first part, by its
    /// median: at most a tenth more may be, and of what is counted four more.
    /// </summary>
    /// <returns>A line for each kind: what it was and is, and whether it holds.</returns>
    public static IReadOnlyList<(bool Holds, string Line)> Judge(IReadOnlyList<SoakSample> samples)
    {
        var from = Math.Min(SettledAfter, samples[^1].Actions / 2);
        var tail = samples.Where(sample => sample.Actions >= from).ToList();
        if (tail.Count < FewestSamples)
            return [(true, $"SKIP whether it stays flat: {tail.Count} samples from {from:N0} actions on are too few")];
        var third = tail.Count / 3;
        var (early, late) = (tail.Take(third).ToList(), tail.TakeLast(third).ToList());
        double Early(Func<SoakSample, double> figure) => Median(early.Select(figure));
        double Late(Func<SoakSample, double> figure) => Median(late.Select(figure));
        (bool, string) Line(string what, double before, double after, double most) =>
            (after <= most, string.Create(CultureInfo.InvariantCulture,
            $"{(after <= most ? "ok  " : "FAIL")} {what}: {before:0.##} from {from:N0} actions on, " +
            $"{after:0.##} at the end, at most {most:0.##} may be"));
        (bool, string) Count(string what, Func<SoakSample, double> figure) =>
            Line(what, Early(figure), Late(figure), Early(figure) + CountNoise + (Early(figure) * Noise));
        (bool, string) Megabytes(string what, Func<SoakSample, double> figure) =>
            Line(what + ", MB", Early(figure), Late(figure), Early(figure) * (1 + Noise));

        return
        [
            Megabytes("memory", static s => s.Megabytes),
            Megabytes("disk", static s => s.DiskMegabytes),
            Count("descriptors", static s => s.Descriptors),
            Count("threads", static s => s.Threads),
            Count("mounts", static s => s.Mounts),
            Count("groups", static s => s.Groups),
            Line("log, bytes an action", LogRate(early), LogRate(late), (LogRate(early) * (1 + Noise)) + 10),
        ];
    }

    private static double LogRate(List<SoakSample> samples) => samples.Count < 2
        ? 0
        : (samples[^1].LogMegabytes - samples[0].LogMegabytes) * 1e6 / (samples[^1].Actions - samples[0].Actions);

    private static double Median(IEnumerable<double> values) =>
        values.Order().ToList() is var sorted ? sorted[sorted.Count / 2] : 0;
}
