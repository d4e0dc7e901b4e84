using System.Globalization;

namespace NativeLink.Actors.Configuration.Values;

/// <summary>
/// A number of bytes as text (protos/README.md 5.1): K, M, G, T, P, E count in thousands, with an i
/// behind in 1024s; a B may follow; any letter case.
/// </summary>
internal static class SizeText
{
    public const string Expected = "a number of bytes, or a string such as \"512\", \"64KiB\", \"1.5GiB\" or \"200gb\"";

    /// <returns>Null when the text is no size or does not fit into 63 bits. A part of a byte is rounded up.</returns>
    public static long? Parse(string text)
    {
        var trimmed = text.AsSpan().Trim();
        var digits = 0;
        while (digits < trimmed.Length && (char.IsAsciiDigit(trimmed[digits]) || trimmed[digits] == '.'))
            digits++;
        if (!decimal.TryParse(trimmed[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
            out var number))
            return null;
        if (Factor(trimmed[digits..].Trim()) is not { } factor || number > (decimal)long.MaxValue / factor)
            return null;
        return (long)decimal.Ceiling(number * factor);
    }

    private static decimal? Factor(ReadOnlySpan<char> unit)
    {
        Span<char> lower = stackalloc char[3];
        if (unit.Length > lower.Length)
            return null;
        var written = unit.ToLowerInvariant(lower);
        ReadOnlySpan<char> name = lower[..written];
        if (name is "" or "b")
            return 1;
        var power = "kmgtpe".IndexOf(name[0], StringComparison.Ordinal) + 1;
        if (power == 0)
            return null;
        decimal? step = name[1..] switch { "" or "b" => 1000, "i" or "ib" => 1024, _ => null };
        if (step is null)
            return null;
        decimal factor = 1;
        for (var i = 0; i < power; i++)
            factor *= step.Value;
        return factor;
    }
}
