using System.Text.RegularExpressions;

namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>Who this process is, so that what it leaves behind in a crash is known as its own and what others use is left alone.</summary>
internal static partial class ProcessIdentity
{
    /// <summary>The number of this process's PID namespace: pids of another one mean nothing here.</summary>
    internal static string PidNamespace { get; } = Digits().Match(new FileInfo("/proc/self/ns/pid").LinkTarget ?? "").Value;

    internal static long StartTicks { get; } = Start(Environment.ProcessId) ?? 0;

    internal static bool IsAlive(int pid, long startTicks) => Start(pid) == startTicks;

    private static long? Start(int pid) => ProcStat.Read(pid) is { } stat && ProcStat.State(stat) is not ('Z' or 'X') ? ProcStat.StartTicks(stat) : null;

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Digits();
}
