using System.Globalization;
using System.Text;
using NativeLink.Actors.Benchmarks.Reporting;

namespace NativeLink.Actors.Benchmarks.Ruler;

/// <summary>The figures of all pairs, and what they say.</summary>
internal sealed class RulerTable(string against, int pairs)
{
    private readonly List<Row> _rows = [];
    private readonly List<string> _broken = [];

    public bool IsWhole => _broken.Count == 0;

    public void Add(string gauge, IReadOnlyList<Reading> before, IReadOnlyList<Reading> after)
    {
        foreach (var (old, now) in before.Zip(after))
        {
            var row = _rows.Find(row => row.Gauge == gauge && row.First.What == old.What);
            if (row is null)
                _rows.Add(row = new Row(gauge, old));
            row.Before.Add(old.Value);
            row.After.Add(now.Value);
            if (old.Floor is { } floor && now.Floor is { } other)
                row.Floors.Add((floor + other) / 2);
        }
    }

    public void Broke(string gauge, Exception error) =>
        _broken.Add($"{gauge} not-measured: {error.GetType().Name}: {error.Message}");

    /// <summary>What is known of one part of the set, a line for each figure.</summary>
    public IEnumerable<string> Lines(string gauge) =>
        [.. _rows.Where(row => row.Gauge == gauge).Select(static row => row.ToString()),
            .. _broken.Where(line => line.StartsWith(gauge + " ", StringComparison.Ordinal))];

    /// <summary>As Markdown.</summary>
    public override string ToString()
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture,
            $"This tree against {against}, {pairs} pairs; medians; the ratio is after to before, " +
            $"with the interval that holds it in 99 of 100 cases.\n\n");
        text.Append(
            "| figure | before | after | floor | ratio | interval | pairs more : less | |\n" +
            "|---|---|---|---|---|---|---|---|\n");
        foreach (var row in _rows)
            text.Append(row.Cells());
        foreach (var line in _broken)
            text.Append(CultureInfo.InvariantCulture, $"\n{line}\n");
        return text.ToString();
    }

    private sealed record Row(string Gauge, Reading First)
    {
        public Sample Before { get; } = new();

        public Sample After { get; } = new();

        public Sample Floors { get; } = new();

        private string Floor => Floors.Count > 0 ? Text(Floors.Median) : "";

        public string Cells()
        {
            var (ratio, interval, signs) = Parts();
            return $"| {First.What} | {Text(Before.Median)} | {Text(After.Median)} | {Floor} | {ratio} | {interval} " +
                $"| {signs} | {Verdict()} |\n";
        }

        public override string ToString()
        {
            var (ratio, interval, signs) = Parts();
            return $"{First.What}: {Text(Before.Median)} → " +
                $"{Text(After.Median)}{(Floor.Length > 0 ? $", floor {Floor}" : "")}; ratio {ratio} [{interval}], " +
                $"{signs}: {Verdict()}";
        }

        private (string Ratio, string Interval, string Signs) Parts() => Compare() is { } compared
            ? (Number(compared.Ratio), $"{Number(compared.Low)} to {Number(compared.High)}",
                $"{compared.More} : {compared.Less}")
            : ("", "", "");

        // A figure of nothing (no switch, no byte) has no ratio.
        private PairedRatio? Compare() => Before.Min > 0 && After.Min > 0
            ? PairedRatio.Of(Before.Values, After.Values)
            : null;

        private string Verdict() => Compare() switch
        {
            null => "no ratio: some were 0",
            _ when Before.Count < PairedRatio.FewestPairs => "too few pairs to say",
            { Moved: false } => "within the noise",
            { Ratio: > 1 } => First.MoreIsBetter ? "BETTER" : "WORSE",
            _ => First.MoreIsBetter ? "WORSE" : "BETTER",
        };

        private string Text(double value) => Finding.Text(value, First.Unit).TrimEnd();

        private static string Number(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
    }
}
