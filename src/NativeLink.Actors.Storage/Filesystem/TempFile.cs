using Microsoft.Win32.SafeHandles;
using NativeLink.Actors.Storage.Filesystem.Eviction;

namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// A temporary file being written, which will be a blob: frees space on a full disk, and keeps a
/// huge one out of the page cache.
/// </summary>
internal sealed class TempFile : IDisposable
{
    // Read-only for everybody else from the start, as the blob will be.
    private const uint Mode = InputModes.Plain;

    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly DiskSpace _space;
    private readonly bool _evictPageCache;
    private readonly PassingPages? _pages;

    private TempFile(string path, SafeFileHandle file, long size, DiskSpace space, bool evictPageCache)
    {
        (_path, _file, _space, _evictPageCache) = (path, file, space, evictPageCache);
        _pages = PassingPages.ForWriting(file, size);
    }

    public int Descriptor => (int)_file.DangerousGetHandle();

    /// <exception cref="FaultException">Storage: it cannot be
    /// made; RESOURCE_EXHAUSTED when the disk is full.</exception>
    public static TempFile Create(string path, long size, DiskSpace space, bool evictPageCache)
    {
        for (var attempt = 0; ; attempt++)
        {
            var descriptor = Libc.Open(
                path, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.CloseOnExec, Mode);
            if (descriptor >= 0)
                return new TempFile(path, new SafeFileHandle(descriptor, ownsHandle: true), size, space,
                    evictPageCache);
            var errno = Errno.Last;
            if (!space.TryFreeAfter(errno, attempt, size))
                throw DiskFault.Of($"temporary file {path} cannot be made", errno);
        }
    }

    /// <exception cref="FaultException">Storage: it cannot be
    /// written; RESOURCE_EXHAUSTED when the disk is full.</exception>
    public void Write(ReadOnlySpan<byte> data, long offset)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                RandomAccess.Write(_file, data, offset);
                _pages?.Passed(offset + data.Length);
                return;
            }
            catch (IOException error)
            {
                var errno = Errno.Of(error);
                if (!_space.TryFreeAfter(errno, attempt, data.Length))
                    throw DiskFault.Of($"temporary file {_path} cannot be written", errno);
            }
        }
    }

    /// <summary>After the last byte.</summary>
    public void Finish()
    {
        if (Umask.Cuts(Mode))
            _ = Libc.ChangeMode(Descriptor, Mode);
        // The blob will be an input's file: what no link to it may show is when it came here.
        _ = InputTime.Set(Descriptor);
        _pages?.End();
        if (!_evictPageCache)
            return;
        // Only clean pages can be dropped.
        _ = Libc.SyncData(Descriptor);
        _ = Libc.Advise(Descriptor, 0, 0, Libc.FadviseDontNeed);
    }

    public void Dispose() => _file.Dispose();
}
