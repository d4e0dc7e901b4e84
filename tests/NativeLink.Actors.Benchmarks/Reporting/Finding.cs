using System.Globalization;

namespace NativeLink.Actors.Benchmarks.Reporting;

/// <summary>What one measurement found.</summary>
/// <param name="What">What was measured, and where.</param>
/// <param name="Figure">The figure with its unit; empty when it could not be measured.</param>
internal sealed record Finding(string What, string Figure)
{
    public const string Holds = "ok";
    public const string Short = "falls-short";
    public const string Unmeasured = "not-measured";
    public const string Told = "shown";

    /// <summary>The target with its unit.</summary>
    public string Limit { get; init; } = "";

    /// <summary>The floor that was measured in the same run; empty when the target is absolute.</summary>
    public string Floor { get; init; } = "";

    /// <summary>The figure to what the verdict compares it with.</summary>
    public double? Ratio { get; init; }

    public string Verdict { get; init; } = Told;

    public string Note { get; init; } = "";

    /// <summary>Whether the target is a time or a rate, whatever the machine.</summary>
    public bool IsAbsolute => Floor.Length == 0 && (Limit.EndsWith(" ms", StringComparison.Ordinal)
        || Limit.EndsWith("/s", StringComparison.Ordinal) || Limit.EndsWith(" s", StringComparison.Ordinal));

    /// <summary>Against a fixed figure; <paramref name="least"/>: more is better.</summary>
    public static Finding Against(string what, double value, double limit, string unit, string note = "",
        bool least = false) => new(what, Text(value, unit))
        {
            Limit = $"{(least ? "≥" : "≤")} {Text(limit, unit)}",
            Ratio = value / limit,
            Verdict = (least ? value >= limit : value <= limit) ? Holds : Short,
            Note = note,
        };

    /// <summary>Against so many times a floor of the same run; <paramref name="least"/>: more is better.</summary>
    public static Finding OfFloor(string what, double value, double floor, double times, string unit, string note = "",
        bool least = false) => new(what, Text(value, unit))
        {
            Floor = Text(floor, unit),
            Limit = string.Create(CultureInfo.InvariantCulture, $"{(least ? "≥" : "≤")} {times:0.0#}× the floor"),
            Ratio = value / floor,
            Verdict = (least ? value / floor >= times : value / floor <= times) ? Holds : Short,
            Note = note,
        };

    public static Finding NotMeasured(string what, string why) => new(what, "") { Verdict = Unmeasured, Note = why };

    public static string Text(double value, string unit)
    {
        var digits = Math.Abs(value) switch { >= 100 => "0", >= 10 => "0.0", >= 0.1 => "0.00", _ => "0.000" };
        return value.ToString(digits, CultureInfo.InvariantCulture) + (unit is "/s" or "×" or "%" ? unit : " " + unit);
    }

    /// <summary>One line.</summary>
    public override string ToString()
    {
        var parts = new List<string> { What };
        if (Figure.Length > 0)
            parts.Add(Figure);
        if (Floor.Length > 0)
            parts.Add($"floor {Floor}");
        if (Limit.Length > 0)
            parts.Add($"target {Limit}");
        if (Verdict == Unmeasured)
            return $"{string.Join(' ', parts)} {Unmeasured}: {Note}";
        if (Verdict != Told)
            parts.Add(Verdict);
        if (Ratio is { } ratio)
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"ratio {ratio:0.00}"));
        if (Note.Length > 0)
            parts.Add($"({Note})");
        return string.Join(' ', parts);
    }
}
