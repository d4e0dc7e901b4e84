using System.Globalization;

namespace NativeLink.Actors.Storage;

/// <summary>
/// Deletes trees in the background. A tree is renamed into a trash directory on its own file system
/// first, which takes microseconds and frees its name at once; two threads delete what is there, so
/// that one that is stuck in the kernel does not stop the other.
/// </summary>
internal sealed class DeletionQueue : IDisposable
{
    /// <summary>
    /// Trees that may wait before whoever makes more of them is throttled
    /// (<see cref="ThrottleAsync"/>).
    /// </summary>
    public const int Bound = 256;

    private const int Threads = 2;

    // Half a minute in all.
    private const int MostAttempts = 120;
    private const int PauseMilliseconds = 250;
    private const int LookAgainMilliseconds = 10;

    private static long _lastName = Environment.TickCount64 << 16;

    // All of this process: whoever finds a disk full waits for what any of them deletes there.
    private static readonly HashSet<DeletionQueue> All = [];

    private readonly string _trash;
    private readonly ulong _trashDevice;
    private readonly Action<string>? _warn;
    private readonly Queue<(string Path, ulong Device)> _queue = new();
    private readonly List<Thread> _threads = [];

    // A monitor: who waits at it sleeps at once. A channel or a blocking collection spins first,
    // which costs more than the deletion of a small tree.
    private readonly object _gate = new();
    private readonly object _pause = new();
    private bool _stopped;
    private TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _throttle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _backlog;

    // Trees by the device that they are on: what could not be renamed into the trash is often on another.
    private readonly Dictionary<ulong, int> _backlogs = [];

    /// <param name="trash">Emptied at once; must not be anybody else's.</param>
    /// <param name="threads">0, for tests: nothing is ever deleted.</param>
    public DeletionQueue(string trash, Action<string>? warn, int threads = Threads)
    {
        (_trash, _warn) = (trash, warn);
        Directory.CreateDirectory(trash);
        _trashDevice = DeviceOf(trash);
        _idle.SetResult();
        _throttle.SetResult();
        for (var i = 0; i < threads; i++)
        {
            var thread = new Thread(Work) { IsBackground = true, Name = "reaper" };
            _threads.Add(thread);
            thread.Start();
        }
        foreach (var old in Directory.EnumerateFileSystemEntries(trash).ToList())
        {
            Expect(_trashDevice);
            Append(old, _trashDevice);
        }
        lock (All)
            All.Add(this);
    }

    /// <summary>Trees waiting for deletion, those being deleted included.</summary>
    public int Backlog => Volatile.Read(ref _backlog);

    /// <summary>Completes when nothing waits for deletion.</summary>
    public Task Idle
    {
        get
        {
            lock (_gate)
                return _idle.Task;
        }
    }

    /// <summary>
    /// Completes when fewer than <see cref="Bound"/> trees
    /// wait: at once, unless deleting does not keep up.
    /// </summary>
    public Task ThrottleAsync()
    {
        lock (_gate)
            return _throttle.Task;
    }

    /// <summary>
    /// Renames a tree away and queues it for deletion. Where it cannot be renamed into the trash it
    /// is deleted where it is. Absent is fine.
    /// </summary>
    public void Enqueue(string path)
    {
        // Counted before it has gone: whoever finds the disk full in this very moment waits for it.
        Expect(_trashDevice);
        var errno = MoveInto(_trash, path, out var moved);
        if (errno == 0)
        {
            Append(moved, _trashDevice);
            return;
        }
        Done(_trashDevice);
        if (errno == Errno.ENOENT)
            return;
        var device = DeviceOf(path);
        Expect(device);
        Append(path, device);
    }

    /// <summary>Waits while this process deletes trees on a disk, until enough is free there. Blocks.</summary>
    /// <param name="goal">Free bytes that are enough.</param>
    /// <param name="until">When to give up (<see cref="Environment.TickCount64"/>).</param>
    /// <returns>Whether something has gone; false, at once, when nothing waits to be deleted on that disk.</returns>
    public static bool WaitForSpace(in Disk disk, long goal, long until)
    {
        if (!IsDeletingOn(disk.Device))
            return false;
        var before = disk.FreeBytes;
        while (disk.FreeBytes < goal && Environment.TickCount64 < until)
        {
            // What is free grows while a tree is deleted, not only at its end. Nobody pulses this: it is a sleep.
            lock (All)
                Monitor.Wait(All, LookAgainMilliseconds);
            if (!IsDeletingOn(disk.Device))
                return true;
        }
        var free = disk.FreeBytes;
        return free > before || free >= goal;
    }

    /// <summary>
    /// Renames a tree into a trash directory, under a name
    /// that nothing there has. Answers 0 or an errno.
    /// </summary>
    public static int MoveInto(string trash, string path, out string moved)
    {
        while (true)
        {
            moved = Path.Combine(trash, Interlocked.Increment(ref _lastName).ToString(CultureInfo.InvariantCulture));
            if (Libc.RenameAt(Libc.AtFdCwd, path, Libc.AtFdCwd, moved) == 0)
                return 0;
            // The clock that names start from began anew with the
            // machine: an earlier run's trash may have the same ones.
            if (Errno.Last is var errno && errno is not (Errno.ENOTEMPTY or Errno.EEXIST))
                return errno;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.PulseAll(_gate);
        }
        foreach (var thread in _threads)
            thread.Join(TimeSpan.FromSeconds(5));
        lock (All)
            All.Remove(this);
    }

    private static bool IsDeletingOn(ulong device)
    {
        List<DeletionQueue> all;
        lock (All)
            all = [.. All];
        return all.Exists(queue => queue.Has(device));
    }

    private bool Has(ulong device)
    {
        lock (_gate)
            return _backlogs.ContainsKey(device);
    }

    private static ulong DeviceOf(string path)
    {
        var failed = Libc.StatxAt(Libc.AtFdCwd, path, Libc.AtSymlinkNoFollow, StatxBuffer.Basic, out var status);
        return failed == 0 ? status.Device : 0;
    }

    /// <summary>Counts a tree that is to be appended, or else is <see cref="Done"/>.</summary>
    private void Expect(ulong device)
    {
        lock (_gate)
        {
            if (_backlog++ == 0)
                _idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_backlog >= Bound && _throttle.Task.IsCompleted)
                _throttle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _backlogs[device] = _backlogs.GetValueOrDefault(device) + 1;
        }
    }

    private void Append(string path, ulong device)
    {
        lock (_gate)
        {
            if (!_stopped)
            {
                _queue.Enqueue((path, device));
                Monitor.Pulse(_gate);
                return;
            }
        }
        Done(device);
    }

    private void Work()
    {
        while (Next() is (var path, var device))
        {
            Delete(path);
            Done(device);
        }
    }

    /// <summary>Null when no more will come; what is queued is still deleted.</summary>
    private (string Path, ulong Device)? Next()
    {
        lock (_gate)
        {
            while (_queue.Count == 0 && !_stopped)
                Monitor.Wait(_gate);
            return _queue.TryDequeue(out var next) ? next : null;
        }
    }

    private void Delete(string path)
    {
        try
        {
            var left = TreeDeleter.Delete(path, out var isScarce);
            for (var attempt = 0; isScarce && attempt < MostAttempts && Pause(); attempt++)
                left = TreeDeleter.Delete(path, out isScarce);
            if (left.Count > 0)
                _warn?.Invoke($"{path} could not be deleted: {string.Join("; ", left)}");
        }
        catch (Exception error)
        {
            _warn?.Invoke($"{path} could not be deleted: {error.Message}");
        }
    }

    /// <summary>Waits for descriptors to come back; false when the end has come.</summary>
    private bool Pause()
    {
        // Not the gate: who pauses must not take the signal that is meant for who waits for work.
        lock (_pause)
            Monitor.Wait(_pause, PauseMilliseconds);
        lock (_gate)
            return !_stopped;
    }

    private void Done(ulong device)
    {
        lock (_gate)
        {
            if (--_backlogs[device] == 0)
                _backlogs.Remove(device);
            if (--_backlog == 0)
                _idle.TrySetResult();
            if (_backlog < Bound)
                _throttle.TrySetResult();
        }
    }
}
