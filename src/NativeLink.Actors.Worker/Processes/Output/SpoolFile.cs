using System.Runtime.InteropServices;

namespace NativeLink.Actors.Worker.Processes.Output;

/// <summary>
/// The file that keeps what a stream has said: made when there is something to keep, so that a
/// silent action costs none. The action may have put anything in its place, before or afterwards:
/// what is found there never counts, and in the end the path holds what was kept, or nothing.
/// </summary>
internal sealed unsafe class SpoolFile(string path)
{
    private const uint Mode = 0x1A4;
    private const int CopyBytes = 1 << 16;

    private static int _nextAside;

    private int _fd = -1;

    internal string Path => path;

    /// <summary>The descriptor to write to; a negative number is an errno.</summary>
    internal int Descriptor()
    {
        if (_fd < 0) _fd = MakeAnew();
        return _fd;
    }

    /// <summary>Whether the path is as it should be, or can be made so by removing what is there.</summary>
    internal bool IsInPlace()
    {
        if (_fd >= 0) return IsAt(_fd, path);
        FreePath();
        return true;
    }

    /// <summary>
    /// Puts what was kept back to where the action has removed it from; takes as long as it takes
    /// to copy it. 0 or an errno.
    /// </summary>
    internal int PutBack()
    {
        var fd = MakeAnew();
        if (fd < 0) return -fd;
        var error = Copy(_fd, fd);
        _ = Libc.Close(_fd);
        _fd = fd;
        return error;
    }

    internal void Close()
    {
        if (_fd >= 0) _ = Libc.Close(_fd);
        _fd = -1;
    }

    private int MakeAnew()
    {
        const int Flags = OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Exclusive;
        var fd = Libc.OpenRetrying(path, Flags, Mode);
        if (fd != -Errno.EEXIST) return fd;
        FreePath();
        return Libc.OpenRetrying(path, Flags, Mode);
    }

    /// <summary>Whether the path, without following a link, is the file that the descriptor stands for.</summary>
    private static bool IsAt(int fd, string path) =>
        Libc.StatxAt(fd, "", Libc.AtEmptyPath, StatxBuffer.InodeAndLinks, out var open) == 0
        && Libc.StatxAt(Libc.AtFdCwd, path, Libc.AtSymlinkNoFollow, StatxBuffer.InodeAndLinks, out var named) == 0
        && (open.Inode, open.Device) == (named.Inode, named.Device);

    /// <summary>
    /// A directory with something in it goes out of the
    /// way; it is removed with all the rest of the action.
    /// </summary>
    private void FreePath()
    {
        if (Libc.UnlinkAt(Libc.AtFdCwd, path, 0) == 0 || Errno.Last == Errno.ENOENT) return;
        _ = Libc.RenameAt(Libc.AtFdCwd, path, Libc.AtFdCwd,
            string.Create(System.Globalization.CultureInfo.InvariantCulture,
                $"{path}.aside-{Interlocked.Increment(ref _nextAside)}"));
    }

    private static int Copy(int from, int to)
    {
        var buffer = (byte*)NativeMemory.Alloc(CopyBytes);
        try
        {
            for (long offset = 0; ;)
            {
                var got = Libc.ReadAt(from, buffer, CopyBytes, offset);
                if (got < 0) return Errno.Last;
                if (got == 0) return 0;
                if (WriteAll(to, buffer, got) is var error and not 0) return error;
                offset += got;
            }
        }
        finally
        {
            NativeMemory.Free(buffer);
        }
    }

    /// <summary>0 or an errno.</summary>
    internal static int WriteAll(int fd, byte* bytes, nint length)
    {
        while (length > 0)
        {
            var written = Libc.Write(fd, bytes, (nuint)length);
            if (written < 0 && Errno.Last is var error and not Errno.EINTR) return error;
            if (written <= 0) continue;
            bytes += written;
            length -= written;
        }

        return 0;
    }
}
