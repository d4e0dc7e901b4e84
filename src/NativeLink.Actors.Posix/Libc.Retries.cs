namespace NativeLink.Actors.Posix;

/// <content>Calls that are made again when a signal interrupts them, and short texts of the
/// kernel's files (proc(5), cgroups(7)).</content>
internal static unsafe partial class Libc
{
    /// <summary>
    /// Waits until there is something to read, as a process's end is by its pidfd, or the time is over.
    /// </summary>
    /// <returns>Whether there is.</returns>
    public static bool AwaitReadable(int descriptor, int milliseconds)
    {
        var watch = stackalloc int[2] { descriptor, PollIn };
        var began = Environment.TickCount64;
        int ready;
        do
        {
            ready = Poll(watch, 1, (int)Math.Max(0, milliseconds - (Environment.TickCount64 - began)));
        }
        while (ready < 0 && Errno.Last == Errno.EINTR);
        return ready == 1;
    }

    /// <summary>Opens, close-on-exec, retrying when a signal interrupts; a negative number is an errno.</summary>
    public static int OpenRetrying(string path, int flags, uint mode = 0)
    {
        while (true)
        {
            var fd = Open(path, flags | OpenFlags.CloseOnExec, mode);
            if (fd >= 0) return fd;
            var error = Errno.Last;
            if (error != Errno.EINTR) return -error;
        }
    }

    /// <summary>Writes a short text to a file of the kernel's in one call; 0 or an errno.</summary>
    public static int WriteText(int fd, ReadOnlySpan<byte> text)
    {
        fixed (byte* bytes = text)
        {
            while (Write(fd, bytes, (nuint)text.Length) < 0)
            {
                var error = Errno.Last;
                if (error != Errno.EINTR) return error;
            }

            return 0;
        }
    }

    /// <summary>Writes a short text to a file of the kernel's, opening it for that; 0 or an errno.</summary>
    public static int WriteText(string path, ReadOnlySpan<byte> text)
    {
        var fd = OpenRetrying(path, OpenFlags.WriteOnly);
        if (fd < 0) return -fd;
        var error = WriteText(fd, text);
        _ = Close(fd);
        return error;
    }

    /// <summary>
    /// Reads a file of the kernel's into the buffer; the number of bytes, or a negative errno. Longer files are cut.
    /// </summary>
    public static int ReadFile(string path, Span<byte> buffer)
    {
        var fd = OpenRetrying(path, OpenFlags.ReadOnly);
        if (fd < 0) return fd;
        try
        {
            var filled = 0;
            fixed (byte* bytes = buffer)
            {
                while (filled < buffer.Length)
                {
                    var got = (int)Read(fd, bytes + filled, (nuint)(buffer.Length - filled));
                    if (got == 0) break;
                    if (got < 0)
                    {
                        var error = Errno.Last;
                        if (error == Errno.EINTR) continue;
                        return -error;
                    }

                    filled += got;
                }
            }

            return filled;
        }
        finally
        {
            _ = Close(fd);
        }
    }
}
