using System.Globalization;
using System.Text.RegularExpressions;

namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// Who this process is, so that what it leaves behind in a
/// crash is known as its own and what others use is left alone.
/// </summary>
internal static partial class ProcessIdentity
{
    /// <summary>The number of this process's PID namespace: pids of another one mean nothing here.</summary>
    internal static string PidNamespace { get; } = Digits()
        .Match(new FileInfo("/proc/self/ns/pid").LinkTarget ?? "").Value;

    internal static long StartTicks { get; } = Start(Environment.ProcessId) ?? 0;

    /// <summary>
    /// What the names of the things that this process makes begin with, so that another one can ask
    /// <see cref="HasEnded"/> about them.
    /// </summary>
    internal static string Name { get; } = string.Create(
        CultureInfo.InvariantCulture, $"{PidNamespace}.{Environment.ProcessId}.{StartTicks}.");

    /// <summary>
    /// Whether the text is the <see cref="Name"/>, and something behind it, of a process that is no
    /// more; false also when this cannot be known here.
    /// </summary>
    internal static bool HasEnded(string text)
    {
        var parts = text.Split('.', 4);
        return parts.Length == 4 && parts[0] == PidNamespace
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
            && long.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var start)
            && Start(pid) != start;
    }

    private static long? Start(int pid) => ProcStat.Read(pid) is { } stat && ProcStat.State(stat) is not ('Z' or 'X')
        ? ProcStat.StartTicks(stat)
        : null;

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Digits();
}
