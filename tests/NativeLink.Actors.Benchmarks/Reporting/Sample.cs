using System.Diagnostics;
using System.Globalization;

namespace NativeLink.Actors.Benchmarks.Reporting;

/// <summary>The figures of several passes.</summary>
internal sealed class Sample
{
    private readonly List<double> _values = [];

    public IReadOnlyList<double> Values => _values;

    public int Count => _values.Count;

    public double Min => _values.Min();

    public double Median => _values.Order().ElementAt(_values.Count / 2);

    public double Last => _values[^1];

    /// <summary>From the least to the most: <c>1.9 to 2.3 in 5 passes</c>.</summary>
    public string Spread => string.Create(CultureInfo.InvariantCulture,
        $"{Min:0.0#} to {_values.Max():0.0#} in {Count} passes");

    public void Add(double value) => _values.Add(value);

    public void Add(TimeSpan took) => Add(took.TotalMilliseconds);

    /// <summary><c>min 1.2, median 1.4 of 20</c>.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"min {Min:0.00#}, median {Median:0.00#} of {Count}");

    public static TimeSpan Time(Action work)
    {
        var began = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(began);
    }
}
