using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using NativeLink.Actors.Configuration.Values;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>Values as the command line, a variable or a file of ours has them.</summary>
internal static partial class SwitchText
{
    /// <exception cref="UsageException">No such size.</exception>
    public static long Size(string option, string text) =>
        SizeText.Parse(text) ?? throw new UsageException($"{option} {text}: write {SizeText.Expected}");

    /// <summary>Reads <c>IP:PORT</c>; port 0 is a free one.</summary>
    /// <exception cref="UsageException">It is none.</exception>
    public static IPEndPoint Address(string option, string text)
    {
        var name = text.Replace("localhost", "127.0.0.1", StringComparison.OrdinalIgnoreCase);
        return name.Contains(':', StringComparison.Ordinal) && IPEndPoint.TryParse(name, out var address)
            ? address
            : throw new UsageException(
                $"{option} {text}: write IP:PORT, for example 127.0.0.1:50051 (port 0: a free one)");
    }

    /// <exception cref="UsageException">It is none, or below 0.</exception>
    public static int Number(string option, string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new UsageException($"{option} {text}: write a whole number, 0 or more");

    /// <summary>The word as it is in <paramref name="words"/>.</summary>
    /// <exception cref="UsageException">It is not among them.</exception>
    public static string OneOf(string option, string text, string[] words) =>
        Array.Find(words, word => word.Equals(text, StringComparison.OrdinalIgnoreCase))
        ?? throw new UsageException(
            $"{option} {text}: write {string.Join(", ", words[..^1])} or {words[^1]}{Nearest.Suggest(text, words)}");

    /// <summary>
    /// Reads seconds (<c>90</c>, <c>1.5</c>) or a sum of
    /// numbers with units (<c>1m 30s</c>, <c>500ms</c>).
    /// </summary>
    /// <exception cref="UsageException">It is neither, or it is not positive.</exception>
    public static TimeSpan Duration(string option, string text)
    {
        var (plain, sum) = (PlainNumber().Match(text), WithUnits().Match(text));
        var seconds = plain.Success ? Number(plain.Value) : 0;
        for (var i = 0; i < sum.Groups[1].Captures.Count; i++)
            seconds += Number(sum.Groups[1].Captures[i].Value) * sum.Groups[2].Captures[i].Value switch
            {
                "ms" =>
                0.001,
                "s" => 1,
                "m" => 60,
                _ => 3600
            };
        return seconds is > 0 and < 1e9
            ? TimeSpan.FromSeconds(seconds)
            : throw new UsageException($"{option} {text}: write a positive duration such as 90, 30s, 500ms or 1m30s");
    }

    private static double Number(string digits) =>
        double.Parse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\d+(?:\.\d+)?$")]
    private static partial Regex PlainNumber();

    [GeneratedRegex(@"^\s*(?:(\d+(?:\.\d+)?)\s*(ms|s|m|h)\s*)+$")]
    private static partial Regex WithUnits();
}
