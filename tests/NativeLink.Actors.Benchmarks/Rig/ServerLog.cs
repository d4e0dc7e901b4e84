using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>What the logs of servers say.</summary>
internal static partial class ServerLog
{
    private const int TailLines = 40;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    /// <summary>How many lines have the text.</summary>
    public static int Count(string log, string text) => Lines(log)
        .Count(line => line.Contains(text, StringComparison.Ordinal));

    /// <summary>Attempts that have failed, and the most of one operation.</summary>
    public static (int Failed, int Most) Attempts(string log)
    {
        var attempts = Lines(log).Select(static line => GivenBack().Match(line)).Where(static match => match.Success)
            .Select(static match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)).ToList();
        return (attempts.Count, attempts.DefaultIfEmpty().Max());
    }

    public static string Tail(string log) => string.Join('\n', Lines(log).TakeLast(TailLines));

    /// <returns>Whether it came to be so within the bound.</returns>
    public static async Task<bool> UntilAsync(Func<bool> holds, TimeSpan bound)
    {
        for (var began = Stopwatch.GetTimestamp(); !holds();)
        {
            if (Stopwatch.GetElapsedTime(began) > bound)
                return false;
            await Task.Delay(Poll);
        }
        return true;
    }

    private static IEnumerable<string> Lines(string log) => File.Exists(log) ? File.ReadLines(log) : [];

    [GeneratedRegex(@"is given back, attempt (\d+) of")]
    private static partial Regex GivenBack();
}
