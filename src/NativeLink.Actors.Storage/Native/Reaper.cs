using System.Globalization;

namespace NativeLink.Actors.Storage.Native;

/// <summary>
/// Deletes trees in the background. A tree is renamed into a trash directory on its own file system first, which takes microseconds and frees its
/// name at once; two threads delete what is there, so that one that is stuck in the kernel does not stop the other.
/// </summary>
internal sealed class Reaper : IDisposable
{
    private const int Threads = 2;

    private readonly string _trash;
    private readonly Action<string>? _warn;
    private readonly Queue<string> _queue = new();
    private readonly List<Thread> _threads = [];

    // A monitor: who waits at it sleeps at once. A channel or a blocking collection spins first, which costs more than the deletion of a small tree.
    private readonly object _gate = new();
    private bool _stopped;
    private TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _backlog;
    private long _next;

    /// <param name="trash">Emptied at once; must not be anybody else's.</param>
    public Reaper(string trash, Action<string>? warn)
    {
        (_trash, _warn) = (trash, warn);
        Directory.CreateDirectory(trash);
        _idle.SetResult();
        for (var i = 0; i < Threads; i++)
        {
            var thread = new Thread(Work) { IsBackground = true, Name = "reaper" };
            _threads.Add(thread);
            thread.Start();
        }
        foreach (var old in Directory.EnumerateFileSystemEntries(trash).ToList())
            Enqueue(old);
        _next = Environment.TickCount64 << 16;
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

    /// <summary>Takes a tree away and lets it be deleted. Where it cannot be renamed into the trash it is deleted where it is. Absent is fine.</summary>
    public void Take(string path)
    {
        var target = Path.Combine(_trash, Interlocked.Increment(ref _next).ToString(CultureInfo.InvariantCulture));
        if (Libc.RenameAt(Libc.AtFdCwd, path, Libc.AtFdCwd, target) == 0)
            Enqueue(target);
        else if (Errno.Last != Errno.NotFound)
            Enqueue(path);
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

    private void Enqueue(string path)
    {
        lock (_gate)
        {
            if (_stopped)
                return;
            if (_backlog++ == 0)
                _idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
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
            var left = TreeDeleter.Delete(path);
            if (left.Count > 0)
                _warn?.Invoke($"{path} could not be deleted: {string.Join("; ", left)}");
        }
        catch (Exception error)
        {
            _warn?.Invoke($"{path} could not be deleted: {error.Message}");
        }
    }

    private void Done()
    {
        lock (_gate)
        {
            if (--_backlog == 0)
                _idle.TrySetResult();
        }
    }
}
