using System.Runtime.InteropServices;

namespace NativeLink.Actors.Posix;

/// <content>Names: what is done to an entry of a directory, which is an open one or <see cref="AtFdCwd"/>.</content>
internal static unsafe partial class Libc
{
    /// <summary>
    /// AT_FDCWD: a name is looked up from the working directory, where it does not begin with a slash.
    /// </summary>
    public const int AtFdCwd = -100;

    /// <summary>AT_SYMLINK_NOFOLLOW.</summary>
    public const int AtSymlinkNoFollow = 0x100;

    /// <summary>AT_REMOVEDIR.</summary>
    public const int AtRemoveDir = 0x200;

    /// <summary>AT_EMPTY_PATH: an empty name is what the descriptor stands for.</summary>
    public const int AtEmptyPath = 0x1000;

    /// <summary>access(2), X_OK.</summary>
    public const int AccessExecute = 1;

    /// <summary>realpath(3), PATH_MAX.</summary>
    public const int LongestPath = 4096;

    /// <summary>linkat(2).</summary>
    [LibraryImport(Library, EntryPoint = "linkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int LinkAt(int oldDirectory, string oldPath, int newDirectory, string newPath, int flags);

    /// <summary>symlinkat(2).</summary>
    [LibraryImport(Library, EntryPoint = "symlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SymlinkAt(string target, int directory, string path);

    /// <summary>readlinkat(2): the length of the target's text, cut to the buffer and without a NUL.</summary>
    [LibraryImport(Library, EntryPoint = "readlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint ReadLinkAt(int directory, string path, byte* buffer, nuint size);

    /// <summary>mkdirat(2).</summary>
    [LibraryImport(Library, EntryPoint = "mkdirat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int MakeDirectoryAt(int directory, string path, uint mode);

    /// <summary>mknodat(2).</summary>
    [LibraryImport(Library, EntryPoint = "mknodat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int MakeNodeAt(int directory, string path, uint mode, ulong device);

    /// <summary>renameat(2).</summary>
    [LibraryImport(Library, EntryPoint = "renameat", SetLastError = true)]
    public static partial int RenameAt(int oldDirectory, byte* oldPath, int newDirectory, byte* newPath);

    /// <inheritdoc cref="RenameAt(int, byte*, int, byte*)"/>
    public static int RenameAt(int oldDirectory, string oldPath, int newDirectory, string newPath)
    {
        using var oldText = new Utf8Text(oldPath, stackalloc byte[Utf8Text.StackBytes]);
        using var newText = new Utf8Text(newPath, stackalloc byte[Utf8Text.StackBytes]);
        return RenameAt(oldDirectory, oldText.Pointer, newDirectory, newText.Pointer);
    }

    /// <summary>unlinkat(2).</summary>
    [LibraryImport(Library, EntryPoint = "unlinkat", SetLastError = true)]
    public static partial int UnlinkAt(int directory, byte* path, int flags);

    /// <inheritdoc cref="UnlinkAt(int, byte*, int)"/>
    public static int UnlinkAt(int directory, string path, int flags)
    {
        using var text = new Utf8Text(path, stackalloc byte[Utf8Text.StackBytes]);
        return UnlinkAt(directory, text.Pointer, flags);
    }

    /// <summary>fchmodat(2).</summary>
    [LibraryImport(Library, EntryPoint = "fchmodat", SetLastError = true)]
    public static partial int ChangeModeAt(int directory, byte* path, uint mode, int flags);

    /// <inheritdoc cref="ChangeModeAt(int, byte*, uint, int)"/>
    public static int ChangeModeAt(int directory, string path, uint mode, int flags)
    {
        using var text = new Utf8Text(path, stackalloc byte[Utf8Text.StackBytes]);
        return ChangeModeAt(directory, text.Pointer, mode, flags);
    }

    /// <summary>utimensat(2): access time and modification time.</summary>
    [LibraryImport(Library, EntryPoint = "utimensat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetTimesAt(int directory, string path, TimeSpec* times, int flags);

    /// <summary>statx(2).</summary>
    /// <param name="mask">What has to be told; the kernel may tell more.</param>
    [LibraryImport(Library, EntryPoint = "statx", SetLastError = true)]
    public static partial int StatxAt(int directory, byte* path, int flags, uint mask, out StatxBuffer buffer);

    /// <inheritdoc cref="StatxAt(int, byte*, int, uint, out StatxBuffer)"/>
    public static int StatxAt(int directory, string path, int flags, uint mask, out StatxBuffer buffer)
    {
        using var text = new Utf8Text(path, stackalloc byte[Utf8Text.StackBytes]);
        return StatxAt(directory, text.Pointer, flags, mask, out buffer);
    }

    /// <summary>
    /// getdents64(2): fills the buffer with records (<see cref="DirectoryRecord"/>); the length of them all, 0 at the
    /// end.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "getdents64", SetLastError = true)]
    public static partial nint ReadDirectory(int descriptor, byte* buffer, nuint size);

    /// <summary>access(2).</summary>
    [LibraryImport(Library, EntryPoint = "access", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Access(string path, int mode);

    [LibraryImport(Library, EntryPoint = "realpath", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial byte* RealPath(string path, byte* buffer);

    /// <summary>realpath(3): the path without symlinks, <c>.</c> and <c>..</c>, or null with the errno.</summary>
    public static string? Canonical(string path, out int error)
    {
        var buffer = stackalloc byte[LongestPath];
        var result = RealPath(path, buffer);
        error = result is null ? Errno.Last : 0;
        return result is null ? null : Marshal.PtrToStringUTF8((nint)result);
    }
}
