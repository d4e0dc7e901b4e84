using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.Posix;

/// <summary>
/// Copies file contents the cheapest way the two file systems
/// allow: a reflink (FICLONE), else in the kernel, hole by hole.
/// </summary>
internal static unsafe class FileCopy
{
    /// <summary>
    /// Copies all of <paramref name="from"/> to the empty
    /// file <paramref name="to"/>. Answers 0 or an errno.
    /// </summary>
    public static int Copy(int from, int to, bool tryReflink = true)
    {
        if (tryReflink && TryReflink(from, to))
            return 0;
        if (Libc.StatxAt(from, "", Libc.AtEmptyPath, StatxBuffer.Basic, out var status) != 0)
            return Errno.Last;
        var size = (long)status.Size;
        // Fewer blocks than bytes: only such a file can have holes worth a search.
        return (long)status.Blocks * 512 < size ? CopySparse(from, to, size) : CopyRange(from, to, 0, size);
    }

    /// <summary>ioctl_ficlone(2): the two files share their blocks until one is written.</summary>
    public static bool TryReflink(int from, int to) => Libc.Ioctl(to, Libc.FiClone, from) == 0;

    private static int CopySparse(int from, int to, long size)
    {
        for (long at = 0; at < size;)
        {
            var data = Libc.Seek(from, at, Libc.SeekData);
            var hole = data < 0 ? -1 : Libc.Seek(from, data, Libc.SeekHole);
            var errno = hole < 0 ? Errno.Last : 0;
            // Nothing but a hole is left (lseek(2), ENXIO).
            if (data < 0 && errno == Errno.ENXIO)
                break;
            // A file system that knows no holes has data all the way.
            if (errno == Errno.EINVAL)
                (data, hole, errno) = (at, size, 0);
            if (errno == 0)
                errno = CopyRange(from, to, data, Math.Min(hole, size) - data);
            if (errno != 0)
                return errno;
            at = hole;
        }
        return Libc.SetLength(to, size) == 0 ? 0 : Errno.Last;
    }

    private static int CopyRange(int from, int to, long offset, long length)
    {
        long source = offset, target = offset;
        while (length > 0)
        {
            var copied = Libc.CopyFileRange(from, &source, to, &target, (nuint)Math.Min(length, 1L << 30), 0);
            if (copied < 0)
            {
                var errno = Errno.Last;
                if (errno == Errno.EINTR)
                    continue;
                // Older kernels do not copy between two file systems; some file systems do not copy at all.
                return Errno.IsFull(errno) || errno == Errno.EIO ? errno : CopyThroughMemory(from, to, source, length);
            }
            if (copied == 0)
                return Errno.EIO;
            length -= copied;
        }
        return 0;
    }

    private static int CopyThroughMemory(int from, int to, long offset, long length)
    {
        using var source = new SafeFileHandle(from, ownsHandle: false);
        using var target = new SafeFileHandle(to, ownsHandle: false);
        var buffer = new byte[(int)Math.Min(length, 1 << 20)];
        try
        {
            while (length > 0)
            {
                var read = RandomAccess.Read(source, buffer.AsSpan(0, (int)Math.Min(length, buffer.Length)), offset);
                if (read == 0)
                    return Errno.EIO;
                RandomAccess.Write(target, buffer.AsSpan(0, read), offset);
                (offset, length) = (offset + read, length - read);
            }
            return 0;
        }
        catch (IOException error)
        {
            return Errno.Of(error);
        }
    }
}
