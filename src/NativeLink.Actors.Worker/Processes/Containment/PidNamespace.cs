using System.Diagnostics;
using System.Globalization;

namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// One PID namespace (pid_namespaces(7)) and its holder, which is PID 1 in it and only waits: when
/// the holder ends the kernel ends everything else in there, and the holder is not gone before all
/// else is. The holder ends when this process does, however that ends: its socket's other end is
/// open here only.
/// </summary>
internal sealed unsafe class PidNamespace(int holder, int pidfd, int socket)
{
    private static readonly TimeSpan EndBound = TimeSpan.FromSeconds(2);

    private readonly string _children = string.Create(
        CultureInfo.InvariantCulture, $"/proc/{holder}/task/{holder}/children");
    private readonly string? _name = NameOf(holder);
    private bool _ended;

    /// <summary>The holder's, which names its namespaces to setns(2); -1 after the end.</summary>
    internal int PidFd { get; private set; } = pidfd;

    internal int Holder => holder;

    /// <summary>Waits until the holder waits: then it is all set up, and answers what it is sent.</summary>
    internal bool IsReady(TimeSpan bound)
    {
        byte knock = 0;
        var watch = stackalloc int[2] { socket, Libc.PollIn };
        if (Libc.Write(socket, &knock, 1) != 1) return false;
        var began = Stopwatch.GetTimestamp();
        int ready;
        do
        {
            ready = Libc.Poll(watch, 1, (int)Math.Max(0, (bound - Stopwatch.GetElapsedTime(began)).TotalMilliseconds));
        }
        while (ready < 0 && Errno.Last == Errno.EINTR);
        return ready == 1 && Libc.Read(socket, &knock, 1) == 1;
    }

    internal void Kill()
    {
        if (!_ended) _ = Libc.SendSignalTo(PidFd, Signals.Kill);
    }

    /// <summary>Whether the holder, and so all that was ever in the namespace, is gone.</summary>
    internal bool HasEnded()
    {
        if (_ended) return true;
        int status;
        // Interrupted by a signal it is asked again later; without such a child it is no more.
        var waited = Libc.Wait(holder, &status, Libc.WaitNoHang, null);
        if (waited == 0 || (waited < 0 && Errno.Last == Errno.EINTR)) return false;
        _ended = true;
        _ = Libc.Close(PidFd);
        _ = Libc.Close(socket);
        PidFd = -1;
        return true;
    }

    /// <summary>Ends it when nothing is in there that could keep it from ending.</summary>
    internal void End()
    {
        Kill();
        var began = Stopwatch.GetTimestamp();
        using var never = new ManualResetEventSlim();
        while (!HasEnded() && Stopwatch.GetElapsedTime(began) < EndBound) never.Wait(1);
    }

    /// <summary>
    /// Whether only the holder is left of what was here, asked when the first process that
    /// <paramref name="spawner"/> put here has been waited for. Who loses his parent becomes a
    /// child of the holder in the same moment, so all that is left descends from it or, by
    /// CLONE_PARENT, is a child of the spawning thread. What cannot be read at this moment proves
    /// nothing.
    /// </summary>
    internal bool HoldsNothing(int spawner) => ProcStat.PidsIfReadable(_children) is { Count: 0 }
        && Strays(spawner) is { Count: 0 };

    /// <summary>
    /// Whether the holder is about to be gone: it waits for all others, also for the first process
    /// of an action. Nobody else waits for it, so there is something to read until
    /// <see cref="HasEnded"/>, unless there is no descriptor.
    /// </summary>
    internal bool IsEnding() => HasEnded() || (ProcStat.Read(holder) is { } stat && ProcStat.IsExiting(stat));

    /// <summary>
    /// Waits for dead children of this process that an action
    /// has made by CLONE_PARENT: the holder does not end before.
    /// </summary>
    internal void ReapStrays(int spawner)
    {
        int status;
        foreach (var stray in Strays(spawner) ?? []) _ = Libc.Wait(stray, &status, Libc.WaitNoHang, null);
    }

    private List<int>? Strays(int spawner)
    {
        var children = Processes.Children.Of(spawner);
        children?.RemoveAll(child => NameOf(child) is { } name && name != _name);
        return children;
    }

    private static string? NameOf(int pid)
    {
        try
        {
            return new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/pid")).LinkTarget;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
