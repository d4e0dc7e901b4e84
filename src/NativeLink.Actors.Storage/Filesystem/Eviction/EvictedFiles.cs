using NativeLink.Actors.Storage.Filesystem.Index;
using NativeLink.Actors.Storage.Filesystem.Layout;
using NativeLink.Actors.Storage.Filesystem.Leases;

namespace NativeLink.Actors.Storage.Filesystem.Eviction;

/// <summary>
/// Files of blobs that are being evicted. A name goes at once; the blocks of a large file take
/// time, and go when <see cref="Delete"/> lets go of it. Needs no space on the disk, which may be
/// full. Not safe for several threads at once.
/// </summary>
internal sealed class EvictedFiles(StorePaths paths, TempFiles temps, LeaseBoard.ForeignLeases? foreign) : IDisposable
{
    private readonly List<int> _open = [];
    private readonly List<string> _aside = [];

    /// <summary>
    /// Takes a blob and its executable copy out of the store; false when it stays: another process
    /// has leased it, or it cannot be removed.
    /// </summary>
    public bool TryEvict(BlobEntry victim)
    {
        var key = victim.Key;
        var name = StorePaths.NameOf(key);
        if (!(foreign is null ? TryUnlink(paths.BlobDescriptor, name) : TryMoveAside(key, name, foreign)))
            return false;
        if (victim.HasExecutableCopy)
            TryUnlink(Libc.AtFdCwd, paths.ExecutableCopyPath(key));
        else
            _ = Libc.UnlinkAt(Libc.AtFdCwd, paths.ExecutableCopyPath(key), 0);
        return true;
    }

    public void Delete()
    {
        foreach (var descriptor in _open)
            _ = Libc.Close(descriptor);
        foreach (var path in _aside)
            _ = Libc.UnlinkAt(Libc.AtFdCwd, path, 0);
        _open.Clear();
        _aside.Clear();
    }

    public void Dispose() => Delete();

    /// <summary>
    /// The descriptor keeps the blocks until it is closed
    /// (unlink(2)). Without one they are freed here.
    /// </summary>
    private bool TryUnlink(int directory, string name)
    {
        var descriptor = Libc.OpenAt(directory, name, OpenFlags.PathOnly | OpenFlags.NoFollow | OpenFlags.CloseOnExec,
            0);
        if (Libc.UnlinkAt(directory, name, 0) == 0 || Errno.Last == Errno.ENOENT)
        {
            if (descriptor >= 0)
                _open.Add(descriptor);
            return true;
        }
        if (descriptor >= 0)
            _ = Libc.Close(descriptor);
        return false;
    }

    /// <summary>
    /// A name of its own, from which it can come back should
    /// another process have leased it before it saw it vanish.
    /// </summary>
    private bool TryMoveAside(in Digest key, string name, LeaseBoard.ForeignLeases leases)
    {
        if (leases.Has(key))
            return false;
        var path = temps.NewPath();
        if (Libc.RenameAt(paths.BlobDescriptor, name, Libc.AtFdCwd, path) != 0)
        {
            var errno = Errno.Last;
            // A new name takes space that a full disk does not have. Who leases it in this very
            // moment finds it gone, and fetches it again.
            return errno == Errno.ENOENT || (Errno.IsFull(errno) && TryUnlink(paths.BlobDescriptor, name));
        }
        Interlocked.MemoryBarrier();
        if (leases.Has(key) && Libc.RenameAt(Libc.AtFdCwd, path, paths.BlobDescriptor, name) == 0)
            return false;
        _aside.Add(path);
        return true;
    }
}
