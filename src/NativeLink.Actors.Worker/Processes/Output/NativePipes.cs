using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace NativeLink.Actors.Worker.Processes.Output;

/// <summary>The C library's calls that emptying pipes into files needs (pipe(2), splice(2), ioctl_pipe(2), statx(2); the same on x64 and arm64).</summary>
internal static unsafe partial class NativePipes
{
    internal const int SpliceNonBlock = 2;

    internal const int DuplicateCloseOnExec = 1030, SetPipeSize = 1031;

    private const ulong BytesWaiting = 0x541B; // FIONREAD
    private const int AtCurrentDirectory = -100, AtSymlinkNoFollow = 0x100, AtEmptyPath = 0x1000;
    private const uint InodeAndLinks = 0x104; // STATX_INO, STATX_NLINK
    private const int FileSizeExceeded = 25; // SIGXFSZ
    private const nint Ignore = 1; // SIG_IGN

    internal static int Waiting(int pipe)
    {
        int bytes;
        return Control(pipe, BytesWaiting, &bytes) == 0 ? bytes : 0;
    }

    /// <summary>A write beyond RLIMIT_FSIZE is an error to be told, not the end of this process. Children have the default again.</summary>
    internal static void IgnoreFileSizeSignal() => _ = Signal(FileSizeExceeded, Ignore);

    /// <summary>Whether the path, without following a link, is the file that the descriptor stands for.</summary>
    internal static bool IsAt(int fd, string path)
    {
        var open = stackalloc byte[256];
        var named = stackalloc byte[256];
        return Status(fd, "", AtEmptyPath, InodeAndLinks, open) == 0
            && Status(AtCurrentDirectory, path, AtSymlinkNoFollow, InodeAndLinks, named) == 0
            && Identity(open) == Identity(named);
    }

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    internal static partial int Pipe(int* ends, int flags);

    [LibraryImport("libc", EntryPoint = "splice", SetLastError = true)]
    internal static partial nint Splice(int from, long* fromOffset, int to, long* toOffset, nuint length, uint flags);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    internal static partial int Fcntl(int fd, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Rename(string from, string to);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int fd, ulong request, int* argument);

    [LibraryImport("libc", EntryPoint = "signal", SetLastError = true)]
    private static partial nint Signal(int number, nint handler);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(int directory, string path, int flags, uint mask, byte* buffer);

    // struct statx: the inode at 32, the device's numbers at 136 and 140.
    private static (ulong Inode, ulong Device) Identity(byte* status) =>
        (BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(status + 32, 8)), BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(status + 136, 8)));
}
