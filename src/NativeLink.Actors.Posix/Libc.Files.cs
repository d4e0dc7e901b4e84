using System.Runtime.InteropServices;

namespace NativeLink.Actors.Posix;

/// <content>Opening, and what is done by a descriptor.</content>
internal static unsafe partial class Libc
{
    /// <summary>openat2(2), RESOLVE_NO_XDEV and RESOLVE_NO_MAGICLINKS.</summary>
    public const ulong ResolveNoMounts = 1, ResolveNoMagicLinks = 2;

    /// <summary>fstatfs(2), PROC_SUPER_MAGIC.</summary>
    public const long ProcMagic = 0x9fa0;

    /// <summary>flock(2), LOCK_EX.</summary>
    public const int LockExclusive = 2;

    /// <summary>flock(2), LOCK_NB.</summary>
    public const int LockNonBlocking = 4;

    /// <summary>lseek(2), SEEK_DATA.</summary>
    public const int SeekData = 3;

    /// <summary>lseek(2), SEEK_HOLE.</summary>
    public const int SeekHole = 4;

    /// <summary>posix_fadvise(2), POSIX_FADV_DONTNEED.</summary>
    public const int FadviseDontNeed = 4;

    /// <summary>sync_file_range(2), SYNC_FILE_RANGE_WRITE: writing begins, and nobody waits for its end.</summary>
    public const uint SyncRangeWrite = 2;

    /// <summary>ioctl_ficlone(2).</summary>
    public const ulong FiClone = 0x40049409;

    /// <summary>ioctl(2), FIONREAD: how many bytes wait to be read; the argument points to an int.</summary>
    public const ulong FionRead = 0x541B;

    /// <summary>open(2).</summary>
    /// <param name="mode">Of a file that this makes; the umask cuts it.</param>
    [LibraryImport(Library, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags, uint mode = 0);

    /// <summary>openat(2).</summary>
    [LibraryImport(Library, EntryPoint = "openat", SetLastError = true)]
    public static partial int OpenAt(int directory, byte* path, int flags, uint mode);

    /// <inheritdoc cref="OpenAt(int, byte*, int, uint)"/>
    public static int OpenAt(int directory, string path, int flags, uint mode)
    {
        using var text = new Utf8Text(path, stackalloc byte[Utf8Text.StackBytes]);
        return OpenAt(directory, text.Pointer, flags, mode);
    }

    /// <summary>openat2(2), of Linux 5.6; -1 with ENOSYS on older kernels.</summary>
    /// <param name="resolve"><see cref="ResolveNoMounts"/>, <see cref="ResolveNoMagicLinks"/>.</param>
    public static int OpenAt2(int directory, byte* path, int flags, ulong resolve)
    {
        // struct open_how: flags, mode, resolve.
        var how = stackalloc ulong[3] { (ulong)flags, 0, resolve };
        return (int)SystemCall(SystemCalls.OpenAt2, directory, (nint)path, (nint)how, 3 * sizeof(ulong));
    }

    /// <inheritdoc cref="OpenAt2(int, byte*, int, ulong)"/>
    public static int OpenAt2(int directory, string path, int flags, ulong resolve)
    {
        using var text = new Utf8Text(path, stackalloc byte[Utf8Text.StackBytes]);
        return OpenAt2(directory, text.Pointer, flags, resolve);
    }

    /// <summary>close(2).</summary>
    [LibraryImport(Library, EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    /// <summary>read(2).</summary>
    [LibraryImport(Library, EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(int descriptor, void* buffer, nuint length);

    /// <summary>pread(2).</summary>
    [LibraryImport(Library, EntryPoint = "pread", SetLastError = true)]
    public static partial nint ReadAt(int descriptor, void* buffer, nuint length, long offset);

    /// <summary>write(2).</summary>
    [LibraryImport(Library, EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int descriptor, void* buffer, nuint length);

    /// <summary>fcntl(2) with one of <see cref="FcntlCommand"/>.</summary>
    [LibraryImport(Library, EntryPoint = "fcntl", SetLastError = true)]
    public static partial int Fcntl(int descriptor, int command, nint argument);

    /// <summary>ioctl(2).</summary>
    [LibraryImport(Library, EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Ioctl(int descriptor, ulong request, nint argument);

    /// <summary>copy_file_range(2).</summary>
    [LibraryImport(Library, EntryPoint = "copy_file_range", SetLastError = true)]
    public static partial nint CopyFileRange(
        int from, long* fromOffset, int to, long* toOffset, nuint length, uint flags);

    /// <summary>lseek(2).</summary>
    [LibraryImport(Library, EntryPoint = "lseek", SetLastError = true)]
    public static partial long Seek(int descriptor, long offset, int whence);

    /// <summary>ftruncate(2).</summary>
    [LibraryImport(Library, EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int SetLength(int descriptor, long length);

    /// <summary>fdatasync(2).</summary>
    [LibraryImport(Library, EntryPoint = "fdatasync", SetLastError = true)]
    public static partial int SyncData(int descriptor);

    /// <summary>sync_file_range(2).</summary>
    [LibraryImport(Library, EntryPoint = "sync_file_range", SetLastError = true)]
    public static partial int SyncRange(int descriptor, long offset, long length, uint flags);

    /// <summary>posix_fadvise(2): 0 or an errno.</summary>
    [LibraryImport(Library, EntryPoint = "posix_fadvise")]
    public static partial int Advise(int descriptor, long offset, long length, int advice);

    /// <summary>flock(2).</summary>
    [LibraryImport(Library, EntryPoint = "flock", SetLastError = true)]
    public static partial int Lock(int descriptor, int operation);

    /// <summary>fchmod(2).</summary>
    [LibraryImport(Library, EntryPoint = "fchmod", SetLastError = true)]
    public static partial int ChangeMode(int descriptor, uint mode);

    /// <summary>futimens(3): access time and modification time.</summary>
    [LibraryImport(Library, EntryPoint = "futimens", SetLastError = true)]
    public static partial int SetTimes(int descriptor, TimeSpec* times);

    /// <summary>
    /// fstatfs(2); the buffer has room for 32 words, the first of which is the file system's magic number.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "fstatfs", SetLastError = true)]
    public static partial int FilesystemOf(int descriptor, long* buffer);
}
