namespace NativeLink.Actors.Benchmarks.Ruler;

/// <summary>
/// What one figure of two builds is to the other, from
/// pairs that were measured one right after the other.
/// </summary>
/// <param name="Ratio">After to before, the geometric mean over the pairs.</param>
/// <param name="Low">The lower end of the interval that holds it in 99 of 100 cases.</param>
/// <param name="High">The upper end.</param>
/// <param name="More">Pairs in which it was more afterwards.</param>
/// <param name="Less">Pairs in which it was less.</param>
internal sealed record PairedRatio(double Ratio, double Low, double High, int More, int Less)
{
    /// <summary>With fewer, not even pairs that all say the same are beyond chance.</summary>
    public const int FewestPairs = 6;

    private const int Resamples = 10_000;
    private const double OutsideAtEachEnd = 0.005;
    private const double SignLevel = 0.05;

    /// <summary>
    /// Beyond the noise: the interval is all on one side of 1, and the signs of the pairs alone
    /// would seldom fall so by chance.
    /// </summary>
    public bool Moved => (Low > 1 || High < 1) && SignProbability(More, Less) <= SignLevel;

    public static PairedRatio Of(IReadOnlyList<double> before, IReadOnlyList<double> after)
    {
        var logs = before.Zip(after, static (one, other) => Math.Log(other / one)).ToArray();
        // The draws are the same each time: the same figures have the same interval.
        var random = new Random(1);
        var means = new double[Resamples];
        for (var draw = 0; draw < Resamples; draw++)
        {
            var sum = 0.0;
            for (var i = 0; i < logs.Length; i++)
                sum += logs[random.Next(logs.Length)];
            means[draw] = sum / logs.Length;
        }
        Array.Sort(means);
        var outside = (int)(Resamples * OutsideAtEachEnd);
        return new PairedRatio(Math.Exp(logs.Average()), Math.Exp(means[outside]), Math.Exp(means[^(outside + 1)]),
            logs.Count(static log => log > 0), logs.Count(static log => log < 0));
    }

    /// <summary>How probable it is that a fair coin falls at least as unevenly.</summary>
    public static double SignProbability(int more, int less)
    {
        var (count, fewer) = (more + less, Math.Min(more, less));
        var (term, sum) = (Math.Pow(0.5, count), 0.0);
        for (var i = 0; i <= fewer; i++)
        {
            sum += term;
            term = term * (count - i) / (i + 1);
        }
        return Math.Min(1, 2 * sum);
    }
}
