using System.Runtime.InteropServices;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>
/// Waits for processes that have lost their parent, where this process is the one that they fall
/// to: as the first one of a container, or as a child subreaper. Nobody else does, and a program
/// that waits for another's number to go would wait in vain. They come to the main thread, which
/// spawns nothing itself.
/// </summary>
internal sealed unsafe class Orphans : IDisposable
{
    // One reaper at a time, so that what an orphan used is counted once.
    private static readonly Lock Gate = new();

    private readonly PosixSignalRegistration _signal;
    private volatile bool _some = true;

    private Orphans(Action wake) => _signal = PosixSignalRegistration.Create(PosixSignal.SIGCHLD, _ =>
    {
        _some = true;
        wake();
    });

    /// <summary>Null where they fall to another process, so that the end of a child wakes nobody.</summary>
    /// <param name="wake">Called, on any thread, when <see cref="Reap"/> should be.</param>
    internal static Orphans? Adopt(Action wake)
    {
        int subreaper;
        return Environment.ProcessId == 1
            || (Libc.ProcessControl(Libc.PrGetChildSubreaper, (nuint)(&subreaper), 0, 0, 0) == 0 && subreaper != 0)
            ? new Orphans(wake)
            : null;
    }

    /// <summary>Whether there is something to look at again, of which nobody will be told a second time.</summary>
    internal bool HasMore => _some;

    /// <summary>Waits for those that have ended since the last time.</summary>
    /// <param name="isOthers">Whether somebody else waits for a process.</param>
    /// <param name="ended">Told of each before it is gone.</param>
    internal void Reap(Func<int, bool> isOthers, Action<int> ended)
    {
        if (!_some) return;
        _some = false;
        var seenAll = false;
        try
        {
            seenAll = TryReap(isOthers, ended);
        }
        finally
        {
            // The kernel does not tell a second time.
            if (!seenAll) _some = true;
        }
    }

    /// <returns>Whether all could be looked at.</returns>
    private static bool TryReap(Func<int, bool> isOthers, Action<int> ended)
    {
        if (Children.Of(Environment.ProcessId) is not { } children) return false;
        var seenAll = true;
        foreach (var pid in children)
        {
            if (isOthers(pid)) continue;
            lock (Gate) seenAll &= TryReap(pid, ended);
        }

        return seenAll;
    }

    private static bool TryReap(int pid, Action<int> ended)
    {
        var stat = ProcStat.Read(pid);
        if (stat is null) return !ProcStat.Exists(pid);
        if (ProcStat.State(stat) != 'Z') return true;
        ended(pid);
        int status;
        _ = Libc.Wait(pid, &status, Libc.WaitNoHang, null);
        return true;
    }

    public void Dispose() => _signal.Dispose();
}
