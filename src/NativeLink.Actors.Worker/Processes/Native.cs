using System.Runtime.InteropServices;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>The C library's calls that spawning, watching and ending processes needs (Linux man pages, sections 2 and 3; x64 and arm64).</summary>
internal static unsafe partial class Native
{
    private const string LibC = "libc";

    // ---- errno values (errno(3)); the same on x64 and arm64 ----
    internal const int EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, E2BIG = 7, ENOEXEC = 8, ECHILD = 10, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EBUSY = 16, EEXIST = 17,
        ENOTDIR = 20, EISDIR = 21, EINVAL = 22, ENFILE = 23, EMFILE = 24, ETXTBSY = 26, ENAMETOOLONG = 36, ELOOP = 40;

    internal const int SigKill = 9, SigChild = 17;

    internal const int OpenWriteOnly = 1, OpenReadWrite = 2, OpenNonBlock = 0x800, OpenCloseOnExec = 0x80000, OpenCreate = 0x40, OpenTruncate = 0x200;

    internal const uint CloneVm = 0x100, ClonePidFd = 0x1000, CloneVfork = 0x4000;

    internal const ulong CloneIntoCgroup = 0x2_0000_0000;

    /// <summary>O_DIRECTORY, which differs by machine.</summary>
    internal static int OpenDirectory => RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 0x10000 : 0x4000;

    internal const int CloneFs = 0x200, CloneNewMount = 0x20000, CloneNewPid = 0x20000000;

    internal const int WaitNoHang = 1;

    internal const int AccessExecute = 1;

    internal const int ResourceRealTime = 15;

    internal const int PrSetChildSubreaper = 36, PrGetChildSubreaper = 37, PrCapBoundingDrop = 24, PrCapAmbient = 47, PrCapAmbientRaise = 2,
        PrCapAmbientClearAll = 4;

    internal const int EpollAdd = 1, EpollDelete = 2;

    internal const uint EpollIn = 1;

    // The same on x64 and arm64.
    private const long SyscallPidfdOpen = 434;

    internal const int ProtectRead = 1, ProtectWrite = 2, ProtectExecute = 4;

    /// <summary>struct rusage has 18 words on both machines: user and system time (2 words each), then the largest resident set, …</summary>
    internal const int UsageWords = 18;

    [StructLayout(LayoutKind.Sequential)]
    internal struct Limit
    {
        internal ulong Soft;
        internal ulong Hard;
    }

    internal const ulong Infinity = ulong.MaxValue;

    [LibraryImport(LibC, EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Mount(string? source, string target, string? type, ulong flags, string? data);

    [LibraryImport(LibC, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Open(string path, int flags, uint mode = 0);

    [LibraryImport(LibC, EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int fd);

    [LibraryImport(LibC, EntryPoint = "read", SetLastError = true)]
    internal static partial nint Read(int fd, void* buffer, nuint length);

    [LibraryImport(LibC, EntryPoint = "pread", SetLastError = true)]
    internal static partial nint ReadAt(int fd, void* buffer, nuint length, long offset);

    [LibraryImport(LibC, EntryPoint = "write", SetLastError = true)]
    internal static partial nint Write(int fd, void* buffer, nuint length);

    /// <summary>AF_UNIX, SOCK_STREAM and SOCK_CLOEXEC; <paramref name="pair"/> has room for two descriptors.</summary>
    internal static int SocketPair(int* pair) => SocketPair(1, 1 | OpenCloseOnExec, 0, pair);

    [LibraryImport(LibC, EntryPoint = "socketpair", SetLastError = true)]
    private static partial int SocketPair(int domain, int type, int protocol, int* pair);

    /// <summary><paramref name="watch"/> is one struct pollfd: descriptor, then events and revents of 16 bits each.</summary>
    [LibraryImport(LibC, EntryPoint = "poll", SetLastError = true)]
    internal static partial int Poll(int* watch, nuint count, int milliseconds);

    /// <summary>capget(2) with the header of version 3 and two times three words.</summary>
    [LibraryImport(LibC, EntryPoint = "capget", SetLastError = true)]
    internal static partial int CapabilitiesGet(uint* header, uint* words);

    [LibraryImport(LibC, EntryPoint = "capset", SetLastError = true)]
    internal static partial int CapabilitiesSet(uint* header, uint* words);

    [LibraryImport(LibC, EntryPoint = "setenv", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int SetVariable(string name, string value, int overwrite);

    [LibraryImport(LibC, EntryPoint = "execv", SetLastError = true)]
    internal static partial int Execute(byte* path, byte** arguments);

    [LibraryImport(LibC, EntryPoint = "unlink", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Unlink(string path);

    [LibraryImport(LibC, EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int MakeDirectory(string path, uint mode);

    [LibraryImport(LibC, EntryPoint = "rmdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int RemoveDirectory(string path);

    [LibraryImport(LibC, EntryPoint = "access", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Access(string path, int mode);

    [LibraryImport(LibC, EntryPoint = "realpath", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial byte* RealPath(string path, byte* buffer);

    [LibraryImport(LibC, EntryPoint = "gettid")]
    internal static partial int ThreadId();

    [LibraryImport(LibC, EntryPoint = "getppid")]
    internal static partial int ParentId();

    [LibraryImport(LibC, EntryPoint = "umask")]
    internal static partial uint UMask(uint mask);

    [LibraryImport(LibC, EntryPoint = "unshare", SetLastError = true)]
    internal static partial int Unshare(int flags);

    [LibraryImport(LibC, EntryPoint = "prctl", SetLastError = true)]
    internal static partial int ProcessControl(int option, nuint two, nuint three, nuint four, nuint five);

    [LibraryImport(LibC, EntryPoint = "prlimit64", SetLastError = true)]
    internal static partial int ProcessLimit(int pid, int resource, Limit* replacement, Limit* current);

    [LibraryImport(LibC, EntryPoint = "kill", SetLastError = true)]
    internal static partial int SendSignal(int pid, int signal);

    [LibraryImport(LibC, EntryPoint = "wait4", SetLastError = true)]
    internal static partial int Wait(int pid, int* status, int options, long* usage);

    [LibraryImport(LibC, EntryPoint = "eventfd", SetLastError = true)]
    internal static partial int EventFd(uint initial, int flags);

    [LibraryImport(LibC, EntryPoint = "epoll_create1", SetLastError = true)]
    internal static partial int EpollCreate(int flags);

    [LibraryImport(LibC, EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int EpollControl(int epoll, int operation, int fd, byte* happening);

    [LibraryImport(LibC, EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int EpollWait(int epoll, byte* happenings, int count, int milliseconds);

    [LibraryImport(LibC, EntryPoint = "syscall", SetLastError = true)]
    private static partial long Syscall(long number, long one, long two, long three, long four);

    /// <summary>pidfd_send_signal(2): never another process than the one meant, whose number may have been used again; 0 or -1.</summary>
    internal static int SendSignalTo(int pidfd, int signal) => pidfd < 0 ? -1 : (int)Syscall(Syscalls.PidfdSendSignal, pidfd, signal, 0, 0);

    /// <summary>pidfd_open(2), close-on-exec by itself; readable once the process has ended.</summary>
    internal static int PidfdOpen(int pid) => (int)Syscall(SyscallPidfdOpen, pid, 0, 0, 0);

    [LibraryImport(LibC, EntryPoint = "inotify_init1", SetLastError = true)]
    internal static partial int InotifyInit(int flags);

    [LibraryImport(LibC, EntryPoint = "inotify_add_watch", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int InotifyAdd(int inotify, string path, uint mask);

    [LibraryImport(LibC, EntryPoint = "mmap", SetLastError = true)]
    private static partial void* MapMemory(void* address, nuint length, int protection, int flags, int fd, nint offset);

    /// <summary>Private, empty memory of this process; null with the errno when there is none.</summary>
    internal static void* MapPage(int size)
    {
        const int PrivateAnonymous = 0x22;
        var page = MapMemory(null, (nuint)size, ProtectRead | ProtectWrite, PrivateAnonymous, -1, 0);
        return page == (void*)-1 ? null : page;
    }

    [LibraryImport(LibC, EntryPoint = "mprotect", SetLastError = true)]
    internal static partial int ProtectMemory(void* address, nuint length, int protection);

    /// <summary>Waits until there is something to read, as a process's end is by its pidfd, or the time is over.</summary>
    /// <returns>Whether there is.</returns>
    internal static bool AwaitReadable(int fd, int milliseconds)
    {
        var watch = stackalloc int[2] { fd, 1 }; // POLLIN
        var began = Environment.TickCount64;
        int ready;
        do
        {
            ready = Poll(watch, 1, (int)Math.Max(0, milliseconds - (Environment.TickCount64 - began)));
        }
        while (ready < 0 && Marshal.GetLastPInvokeError() == EINTR);
        return ready == 1;
    }

    // struct epoll_event is packed on x64 and aligned everywhere else.
    private static readonly int _tagOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int _eventSize = _tagOffset + 8;

    internal static int EpollWatch(int epoll, int fd, long tag)
    {
        var happening = stackalloc byte[16];
        *(uint*)happening = EpollIn;
        *(long*)(happening + _tagOffset) = tag;
        return EpollControl(epoll, EpollAdd, fd, happening);
    }

    internal static int EpollForget(int epoll, int fd) => EpollControl(epoll, EpollDelete, fd, null);

    /// <summary>Waits for happenings and returns their tags' number; -1 with errno set.</summary>
    internal static int EpollTags(int epoll, Span<long> tags, int milliseconds)
    {
        var buffer = stackalloc byte[16 * tags.Length];
        var count = EpollWait(epoll, buffer, tags.Length, milliseconds);
        for (var i = 0; i < count; i++) tags[i] = *(long*)(buffer + (i * _eventSize) + _tagOffset);
        return count;
    }

    /// <summary>Opens, retrying when a signal interrupts; a negative number is an errno.</summary>
    internal static int OpenRetrying(string path, int flags, uint mode = 0)
    {
        while (true)
        {
            var fd = Open(path, flags | OpenCloseOnExec, mode);
            if (fd >= 0) return fd;
            var error = Marshal.GetLastPInvokeError();
            if (error != EINTR) return -error;
        }
    }

    /// <summary>Writes a short text to a file of the kernel's in one call; 0 or an errno.</summary>
    internal static int WriteText(int fd, ReadOnlySpan<byte> text)
    {
        fixed (byte* bytes = text)
        {
            while (Write(fd, bytes, (nuint)text.Length) < 0)
            {
                var error = Marshal.GetLastPInvokeError();
                if (error != EINTR) return error;
            }

            return 0;
        }
    }

    /// <summary>Writes a short text to a file of the kernel's, opening it for that; 0 or an errno.</summary>
    internal static int WriteText(string path, ReadOnlySpan<byte> text)
    {
        var fd = OpenRetrying(path, OpenWriteOnly);
        if (fd < 0) return -fd;
        var error = WriteText(fd, text);
        _ = Close(fd);
        return error;
    }

    /// <summary>Reads a file of the kernel's into the buffer; the number of bytes, or a negative errno. Longer files are cut.</summary>
    internal static int ReadFile(string path, Span<byte> buffer)
    {
        var fd = OpenRetrying(path, 0);
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
                        var error = Marshal.GetLastPInvokeError();
                        if (error == EINTR) continue;
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

    /// <summary>The text of an errno, as strerror(3) has it.</summary>
    internal static string ErrorText(int error) => Marshal.GetPInvokeErrorMessage(error);

    /// <summary>The path without symlinks, `.` and `..`, or null with the errno.</summary>
    internal static string? Canonical(string path, out int error)
    {
        var buffer = stackalloc byte[4096];
        var result = RealPath(path, buffer);
        error = result is null ? Marshal.GetLastPInvokeError() : 0;
        return result is null ? null : Marshal.PtrToStringUTF8((nint)result);
    }
}
