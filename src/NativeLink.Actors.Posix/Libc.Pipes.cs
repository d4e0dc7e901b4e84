using System.Runtime.InteropServices;

namespace NativeLink.Actors.Posix;

/// <content>Pipes and sockets between processes (pipe(2),
/// splice(2), ioctl_pipe(2); the same on x64 and arm64).</content>
internal static unsafe partial class Libc
{
    /// <summary>splice(2), SPLICE_F_NONBLOCK.</summary>
    public const int SpliceNonBlock = 2;

    /// <summary>pipe2(2): the end to read from, then the one to write to.</summary>
    [LibraryImport(Library, EntryPoint = "pipe2", SetLastError = true)]
    public static partial int Pipe(int* ends, int flags);

    /// <summary>splice(2).</summary>
    [LibraryImport(Library, EntryPoint = "splice", SetLastError = true)]
    public static partial nint Splice(int from, long* fromOffset, int to, long* toOffset, nuint length, uint flags);

    /// <summary>How many bytes wait in a pipe; 0 also where this cannot be told.</summary>
    public static int BytesWaiting(int pipe)
    {
        int bytes;
        return Ioctl(pipe, FionRead, (nint)(&bytes)) == 0 ? bytes : 0;
    }

    [LibraryImport(Library, EntryPoint = "socketpair", SetLastError = true)]
    private static partial int SocketPair(int domain, int type, int protocol, int* pair);

    /// <summary>
    /// socketpair(2): AF_UNIX, SOCK_STREAM and SOCK_CLOEXEC; <paramref name="pair"/> has room for two descriptors.
    /// </summary>
    public static int SocketPair(int* pair) => SocketPair(1, 1 | OpenFlags.CloseOnExec, 0, pair);
}
