using System.Globalization;

namespace NativeLink.Actors.Configuration.Values;

/// <summary>
/// A duration as text (protos/README.md 5.1): a sum of whole
/// numbers with units, blanks allowed; whole seconds are kept.
/// </summary>
internal static class DurationText
{
    public const string Expected =
        "a number of seconds, or a string of numbers with units such as \"600s\", \"10m\" or \"1m 10s\"";

    /// <summary>
    /// Longest duration read, in seconds: a hundred years. Anything
    /// longer is a slip, and larger values overflow timers.
    /// </summary>
    public const long LongestSeconds = 100L * 31_557_600;

    /// <returns>Seconds; null when the text is no duration.</returns>
    public static long? ParseSeconds(string text)
    {
        var rest = text.AsSpan().Trim();
        if (rest is "0")
            return 0;
        if (rest.IsEmpty)
            return null;
        decimal nanoseconds = 0;
        while (!rest.IsEmpty)
        {
            var digits = Count(rest, char.IsAsciiDigit);
            if (digits == 0 || !long.TryParse(rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture,
                out var number))
                return null;
            rest = rest[digits..].TrimStart();
            var letters = Count(rest, char.IsAsciiLetter);
            if (Nanoseconds(rest[..letters]) is not { } unit || number > LongestSeconds * 1e9m / unit)
                return null;
            nanoseconds += number * unit;
            rest = rest[letters..].TrimStart();
        }

        var seconds = decimal.Truncate(nanoseconds / 1e9m);
        return seconds <= LongestSeconds ? (long)seconds : null;
    }

    private static int Count(ReadOnlySpan<char> text, Func<char, bool> belongs)
    {
        var count = 0;
        while (count < text.Length && belongs(text[count]))
            count++;
        return count;
    }

    private static decimal? Nanoseconds(ReadOnlySpan<char> unit) => unit switch
    {
        "ns" or "nsec" or "nanos" => 1m,
        "us" or "usec" or "micros" => 1_000m,
        "ms" or "msec" or "millis" => 1_000_000m,
        "s" or "sec" or "secs" or "second" or "seconds" => 1e9m,
        "m" or "min" or "mins" or "minute" or "minutes" => 60e9m,
        "h" or "hr" or "hrs" or "hour" or "hours" => 3_600e9m,
        "d" or "day" or "days" => 86_400e9m,
        "w" or "wk" or "wks" or "week" or "weeks" => 604_800e9m,
        "M" or "month" or "months" => 2_630_016e9m,
        "y" or "yr" or "yrs" or "year" or "years" => 31_557_600e9m,
        _ => null,
    };
}
