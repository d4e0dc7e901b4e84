using System.Globalization;

namespace NativeLink.Actors.Storage;

/// <summary>
/// Deletes trees in the background. A tree is renamed into a trash directory on its own file system first, which takes microseconds and frees its
/// name at once; two threads delete what is there, so that one that is stuck in the kernel does not stop the other.
/// </summary>
internal sealed class DeletionQueue : IDisposable
{
    /// <summary>Trees that may wait before whoever makes more of them is throttled (<see cref="ThrottleAsync"/>).</summary>
    public const int Bound = 256;

    private const int Threads = 2;

    // Half a minute in all.
    private const int MostAttempts = 120;
    private const int PauseMilliseconds = 250;

    private static long _lastName = Environment.TickCount64 << 16;

    private readonly string _trash;
    private readonly Action<string>? _warn;
    private readonly Queue<string> _queue = new();
    private readonly List<Thread> _threads = [];

    // A monitor: who waits at it sleeps at once. A channel or a blocking collection spins first, which costs more than the deletion of a small tree.
    private readonly object _gate = new();
    private readonly object _pause = new();
    private bool _stopped;
    private TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _throttle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _backlog;

    /// <param name="trash">Emptied at once; must not be anybody else's.</param>
    /// <param name="threads">0, for tests: nothing is ever deleted.</param>
    public DeletionQueue(string trash, Action<string>? warn, int threads = Threads)
    {
        (_trash, _warn) = (trash, warn);
        Directory.CreateDirectory(trash);
        _idle.SetResult();
        _throttle.SetResult();
        for (var i = 0; i < threads; i++)
        {
            var thread = new Thread(Work) { IsBackground = true, Name = "reaper" };
            _threads.Add(thread);
            thread.Start();
        }
        foreach (var old in Directory.EnumerateFileSystemEntries(trash).ToList())
            Append(old);
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

    /// <summary>Completes when fewer than <see cref="Bound"/> trees wait: at once, unless deleting does not keep up.</summary>
    public Task ThrottleAsync()
    {
        lock (_gate)
            return _throttle.Task;
    }

    /// <summary>Renames a tree away and queues it for deletion. Where it cannot be renamed into the trash it is deleted where it is. Absent is fine.</summary>
    public void Enqueue(string path)
    {
        var errno = MoveInto(_trash, path, out var moved);
        if (errno == 0)
            Append(moved);
        else if (errno != Errno.ENOENT)
            Append(path);
    }

    /// <summary>Renames a tree into a trash directory, under a name that nothing there has. Answers 0 or an errno.</summary>
    public static int MoveInto(string trash, string path, out string moved)
    {
        while (true)
        {
            moved = Path.Combine(trash, Interlocked.Increment(ref _lastName).ToString(CultureInfo.InvariantCulture));
            if (Libc.RenameAt(Libc.AtFdCwd, path, Libc.AtFdCwd, moved) == 0)
                return 0;
            // The clock that names start from began anew with the machine: an earlier run's trash may have the same ones.
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
    }

    private void Append(string path)
    {
        lock (_gate)
        {
            if (_stopped)
                return;
            if (_backlog++ == 0)
                _idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_backlog >= Bound && _throttle.Task.IsCompleted)
                _throttle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _queue.Enqueue(path);
            Monitor.Pulse(_gate);
        }
    }

    private void Work()
    {
        while (Next() is { } path)
        {
            Delete(path);
            Done();
        }
    }

    /// <summary>Null when no more will come; what is queued is still deleted.</summary>
    private string? Next()
    {
        lock (_gate)
        {
            while (_queue.Count == 0 && !_stopped)
                Monitor.Wait(_gate);
            return _queue.TryDequeue(out var path) ? path : null;
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

    private void Done()
    {
        lock (_gate)
        {
            if (--_backlog == 0)
                _idle.TrySetResult();
            if (_backlog < Bound)
                _throttle.TrySetResult();
        }
    }
}
