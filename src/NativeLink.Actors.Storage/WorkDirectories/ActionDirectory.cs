namespace NativeLink.Actors.Storage.WorkDirectories;

/// <summary>One action's directory. Disposing it (after its input root) frees the name at once; the rest is deleted in the background.</summary>
public sealed class ActionDirectory : IDisposable
{
    private readonly WorkDirectory _owner;
    private long _bytes;
    private int _disposed;

    internal ActionDirectory(WorkDirectory owner, string path) => (_owner, Path) = (owner, path);

    /// <summary>Absolute path: <c>{work_directory}/{operation id}</c>; exists. Side-channel and spool files go here.</summary>
    public string Path { get; }

    /// <summary>Absolute path of the input root: <c>work</c> in it; not made here.</summary>
    public string WorkPath => System.IO.Path.Combine(Path, "work");

    /// <summary>Says how many bytes were staged for this action.</summary>
    public void Account(long bytes)
    {
        Interlocked.Add(ref _bytes, bytes);
        _owner.Account(bytes);
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _owner.Account(-_bytes);
        _owner.Remove(Path);
    }
}
