using System.Globalization;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>
/// The kernel's lists of a thread's children (proc(5), <c>/proc/PID/task/TID/children</c>). While
/// one is read, another that is taken out of it may hide the ones behind it; so nobody of this
/// process's threads takes one out of a list that matters, meanwhile.
/// </summary>
internal static unsafe class Children
{
    private const int EndMilliseconds = 10_000;

    private static readonly Lock Gate = new();

    /// <summary>Those of one thread of this process; null when they could not be read.</summary>
    internal static List<int>? Of(int thread)
    {
        lock (Gate) return ProcStat.PidsIfReadable(
            string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{thread}/children"));
    }

    /// <summary>
    /// Waits for one that has ended or is about to. One that cannot end, stuck in the kernel, is
    /// left after a while: nobody else waits as long.
    /// </summary>
    internal static void Reap(int pid, int pidfd)
    {
        int status;
        _ = Libc.AwaitReadable(pidfd, EndMilliseconds);
        lock (Gate) _ = Libc.Wait(pid, &status, Libc.WaitNoHang, null);
    }
}
