using System.Diagnostics;
using System.Text;

namespace NativeLink.Actors.Benchmarks.Crash;

/// <summary>What must be gone after a restart; each throws when it is not.</summary>
internal static class CrashChecks
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>No action's mount is left below the data directory.</summary>
    public static void NoMountIsLeft(string data)
    {
        var left = File.ReadLines("/proc/self/mountinfo")
            .Where(line => line.Contains(" " + data, StringComparison.Ordinal)
                && line.Contains(" - overlay ", StringComparison.Ordinal)).ToList();
        Require(left.Count == 0, $"{left.Count} mounts are left: {string.Join('\n', left)}");
        // A tmpfs for what actions write is the new process's own; one for each scratch directory.
        var memories = File.ReadLines("/proc/self/mountinfo").Select(static line => line.Split(' ')[4])
            .Where(point => point.StartsWith(data + "/", StringComparison.Ordinal)).GroupBy(static point => point);
        Require(memories.All(static point => point.Count() == 1),
            "a scratch directory of the killed process is still mounted below the new one's");
    }

    /// <summary>
    /// Nothing of the killed process lives any more: no process
    /// of its actions, and none that it was about to make one of.
    /// </summary>
    /// <param name="data">The data directory, which is in the command line of the subject and of what it forks.</param>
    public static async Task NoProcessIsLeftAsync(string mark, string data, int subject)
    {
        var began = Stopwatch.GetTimestamp();
        List<string> left;
        while ((left = Find(mark, data, subject)).Count > 0 && Stopwatch.GetElapsedTime(began) < Patience)
            await Task.Delay(50);
        Require(left.Count == 0, $"processes of the killed one are left: {string.Join(", ", left)}");
    }

    private static List<string> Find(string mark, string data, int subject)
    {
        var (variable, word) = (Encoding.UTF8.GetBytes($"{CrashBuild.MarkName}={mark}\0"),
            Encoding.UTF8.GetBytes($"\0{data}"));
        var found = new List<string>();
        foreach (var process in Directory.EnumerateDirectories("/proc")
            .Where(static path => char.IsAsciiDigit(Path.GetFileName(path)[0])))
        {
            try
            {
                var marked = File.ReadAllBytes(Path.Combine(process, "environ")).AsSpan().IndexOf(variable) >= 0;
                var forked = Path.GetFileName(process) != $"{subject}"
                    && File.ReadAllBytes(Path.Combine(process, "cmdline")).AsSpan().IndexOf(word) >= 0;
                if (!marked && !forked)
                    continue;
                var name = File.ReadAllText(Path.Combine(process, "comm")).Trim();
                found.Add($"{Path.GetFileName(process)} ({name}{(forked ? ", a fork of it" : "")})");
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It has ended.
            }
        }
        return found;
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new InvalidOperationException(otherwise);
    }
}
