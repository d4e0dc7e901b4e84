using System.Globalization;

namespace NativeLink.Actors.Cli.Tests.Rig;

/// <summary>Watches processes that are not ours, which have no event to wait for.</summary>
internal static class ProcessWatch
{
    /// <summary>A running action has written the file.</summary>
    public static Task AppearedAsync(string marker) => Eventually.HoldsAsync(
        () => File.Exists(marker) && new FileInfo(marker).Length > 0, () => $"{marker} did not appear");

    /// <summary>
    /// No process whose command line mentions the marker is left. Ids would not do: an action may
    /// have a PID namespace of its own.
    /// </summary>
    public static Task GoneAsync(string marker) => Eventually.HoldsAsync(
        () => Mentioning(marker).Count == 0, () => $"processes are left: {string.Join(", ", Mentioning(marker))}");

    public static List<string> Mentioning(string text) =>
    [
        .. Directory.EnumerateDirectories("/proc")
            .Where(
                path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture,
                    out var id) && id != Environment.ProcessId)
            .Select(path => (path, line: CommandLine(path)))
            .Where(process => process.line.Contains(text, StringComparison.Ordinal))
            .Select(process => $"{Path.GetFileName(process.path)} {process.line}"),
    ];

    private static string CommandLine(string process)
    {
        try
        {
            return File.ReadAllText($"{process}/cmdline").Replace('\0', ' ');
        }
        catch (IOException)
        {
            return "";
        }
        catch (UnauthorizedAccessException)
        {
            return "";
        }
    }
}
