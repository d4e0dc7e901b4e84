using NativeLink.Actors.Storage.Materialisers;

namespace NativeLink.Actors.Storage.WorkDirectories;

/// <summary>
/// The directory of one attempt at an action, which owns the input root in it. Disposing it
/// unmounts the root and moves the whole away at once; the rest is deleted in the background. While
/// somebody is in it (a root is being made, a process runs), all that waits until the last has
/// left: nothing is ever mounted in a directory that has gone, and no process loses the one that it
/// works in. Thread-safe.
/// </summary>
internal sealed class ActionDirectory : IStagingDirectory, IDisposable
{
    private readonly WorkDirectory _owner;
    private readonly Lock _gate = new();
    private IInputRoot? _root;
    private readonly Func<string, bool>? _makeRoom;
    private int _inside;
    private bool _staged;
    private bool _made;
    private bool _disposed;

    /// <param name="makeRoom">Asked, with a path on the full disk, to give something up for it;
    /// answers whether it did.</param>
    internal ActionDirectory(WorkDirectory owner, string path, Func<string, bool>? makeRoom) =>
        (_owner, Path, _makeRoom) = (owner, path, makeRoom);

    /// <summary>
    /// Absolute path: <c>{work_directory}/{attempt}</c>; there from the making of the input root
    /// on. Side-channel and spool files go here.
    /// </summary>
    public string Path { get; }

    /// <summary>Absolute path of the input root: <c>work</c> in it; not made here.</summary>
    public string WorkPath => System.IO.Path.Combine(Path, "work");

    /// <summary>
    /// Makes the directory and the input root in it, once, and keeps it: it is disposed of with the
    /// directory, by whichever of the two ends later.
    /// </summary>
    /// <param name="make">Gets the path where the root goes; nothing is there yet.</param>
    /// <exception cref="FaultException">Aborted: the directory has been disposed of. Worker: the
    /// disk refused it. Else what <paramref name="make"/> throws.</exception>
    public async Task<IInputRoot> StageAsync(Func<string, Task<IInputRoot>> make)
    {
        var leave = Enter();
        try
        {
            if (Interlocked.Exchange(ref _staged, true))
                throw new InvalidOperationException($"{Path} has an input root already");
            return await MakeRootAsync(make);
        }
        finally
        {
            leave()?.Invoke();
        }
    }

    private async Task<IInputRoot> MakeRootAsync(Func<string, Task<IInputRoot>> make)
    {
        try
        {
            Make();
            return _root = await make(WorkPath);
        }
        finally
        {
            _staged = _root is not null;
        }
    }

    /// <summary>
    /// Says that somebody is to work in it. It stays, whoever disposes of it meanwhile, until what is returned has been
    /// called, once. That call answers what is to be done on the disk then: the removal of what was disposed of
    /// meanwhile, or nothing.
    /// </summary>
    /// <exception cref="FaultException">Aborted: it has been disposed of.</exception>
    public Func<Action?> Enter()
    {
        lock (_gate)
        {
            if (_disposed)
                throw new FaultException(FaultKind.Aborted, $"the action directory {Path} has been given up");
            _inside++;
        }
        return Leave;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            if (_inside > 0)
                return;
        }
        Remove();
    }

    private Action? Leave()
    {
        lock (_gate)
            return --_inside == 0 && _disposed ? Remove : null;
    }

    /// <summary>Makes the directory itself, if it is not there.</summary>
    internal void Make()
    {
        if (_made)
            return;
        _owner.Make(Path, _makeRoom);
        _made = true;
    }

    private void Remove()
    {
        try
        {
            _root?.Dispose();
        }
        finally
        {
            if (_made)
                _owner.Remove(Path);
            _owner.Forget(this);
        }
    }
}
