using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.Worker.Outputs;

internal enum FileKind
{
    Missing,
    Regular,
    Directory,
    Symlink,

    /// <summary>A fifo, socket or device.</summary>
    Special,
}

/// <summary>What statx(2) says of a file.</summary>
/// <param name="Mode">Permission bits, with set-id and sticky bits.</param>
/// <param name="IsNull">It is <c>/dev/null</c> (character device 1:3).</param>
internal readonly record struct FileStatus(FileKind Kind, uint Mode, uint Links, long Seconds, uint Nanoseconds, bool IsNull);

/// <summary>
/// Files by descriptor, so that no symlink is followed unless it was asked for, and names as the bytes they are (statx(2), openat(2), getdents64(2)).
/// </summary>
internal static partial class NativeFiles
{
    private const int AtSymlinkNoFollow = 0x100;
    private const int AtEmptyPath = 0x1000;
    private const uint BasicStats = 0x7ff;
    private const int OpenNonBlocking = 0x800;
    private const int OpenCloseOnExec = 0x80000;
    private const int OpenPath = 0x200000;
    private const int NoEntry = 2;
    private const int NotADirectory = 20;
    private const int NameTooLong = 36;
    private const int TooManyLinks = 40;
    private const int AccessDenied = 13;

    // The two flags whose bits differ between processors (fcntl.h).
    private static readonly bool Arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
    private static readonly int OpenDirectoryFlag = Arm ? 0x4000 : 0x10000;
    private static readonly int OpenNoFollow = Arm ? 0x8000 : 0x20000;
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>A directory, as a place to look from; symlinks on the way are followed. Null when there is none.</summary>
    public static SafeFileHandle? OpenPlace(SafeFileHandle? from, string path) =>
        Open(from, path, OpenPath | OpenDirectoryFlag | OpenCloseOnExec);

    /// <summary>The same, itself no symlink.</summary>
    public static SafeFileHandle? OpenRoot(string path) => Open(null, path, OpenPath | OpenDirectoryFlag | OpenNoFollow | OpenCloseOnExec);

    /// <summary>A directory to list, itself no symlink. Null when there is none.</summary>
    public static SafeFileHandle? OpenDirectory(SafeFileHandle from, string name) =>
        Open(from, name, OpenDirectoryFlag | OpenNoFollow | OpenCloseOnExec);

    /// <summary>A file to read; the last component is no symlink unless <paramref name="follow"/>.</summary>
    /// <exception cref="FaultException">Action: it may not be read, or its path is too long. Worker: it cannot be opened otherwise; says why.</exception>
    public static SafeFileHandle OpenFile(string path, bool follow) =>
        Open(null, path, OpenNonBlocking | OpenCloseOnExec | (follow ? 0 : OpenNoFollow)) ?? throw CannotOpen($"output '{Short(path)}' cannot be read");

    /// <summary>Why the last open failed. What the action's own modes and names forbid, they forbid at the next attempt too.</summary>
    public static FaultException CannotOpen(string what)
    {
        var error = Marshal.GetLastPInvokeError();
        var kind = error is AccessDenied or NameTooLong ? FaultKind.Action : FaultKind.Worker;
        return new FaultException(kind, $"{what}: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    /// <summary>A path that a message can show.</summary>
    public static string Short(string path) => path.Length <= 300 ? path : $"{path[..200]}…{path[^80..]}";

    /// <summary>Where an open file is, as the kernel sees it.</summary>
    public static string RealPath(SafeFileHandle file) => ReadLink(null, $"/proc/self/fd/{file.DangerousGetHandle()}");

    /// <summary>What a name stands for; an empty name is the directory itself.</summary>
    /// <exception cref="FaultException">Worker: the file system failed.</exception>
    public static unsafe FileStatus Status(SafeFileHandle from, string name, bool follow)
    {
        var buffer = stackalloc byte[256];
        if (StatX(from.DangerousGetHandle().ToInt32(), name, AtEmptyPath | (follow ? 0 : AtSymlinkNoFollow), BasicStats, buffer) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            // What has too long a name cannot be there.
            if (error is NoEntry or NotADirectory or TooManyLinks or NameTooLong || (follow && error == AccessDenied))
                return default;
            throw Failed($"'{name}' below '{Describe(from)}' cannot be examined", error);
        }
        var bytes = new ReadOnlySpan<byte>(buffer, 256);
        var mode = BinaryPrimitives.ReadUInt16LittleEndian(bytes[28..]);
        var kind = (mode & 0xf000) switch
        {
            0x8000 => FileKind.Regular,
            0x4000 => FileKind.Directory,
            0xa000 => FileKind.Symlink,
            _ => FileKind.Special,
        };
        var isNull = (mode & 0xf000) == 0x2000
            && BinaryPrimitives.ReadUInt32LittleEndian(bytes[128..]) == 1 && BinaryPrimitives.ReadUInt32LittleEndian(bytes[132..]) == 3;
        return new FileStatus(
            kind, mode & 0xfffu, BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[112..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[120..]), isNull);
    }

    /// <summary>The text of a symlink.</summary>
    /// <exception cref="FaultException">Action: not UTF-8. Worker: no symlink.</exception>
    public static unsafe string ReadLink(SafeFileHandle? from, string name)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(8192);
        try
        {
            fixed (byte* start = buffer)
            {
                var length = ReadLinkAt(from?.DangerousGetHandle().ToInt32() ?? -100, name, start, (nuint)buffer.Length);
                if (length < 0)
                    throw Failed($"symlink '{name}' cannot be read", Marshal.GetLastPInvokeError());
                return Text(buffer.AsSpan(0, (int)length), () => $"the target of symlink '{name}'");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The names in a directory, without <c>.</c> and <c>..</c>, in no order.</summary>
    /// <exception cref="FaultException">Action: a name is not UTF-8. Worker: the directory cannot be listed.</exception>
    public static unsafe List<string> Names(SafeFileHandle directory)
    {
        var names = new List<string>();
        var buffer = ArrayPool<byte>.Shared.Rent(32 << 10);
        try
        {
            fixed (byte* start = buffer)
            {
                while (true)
                {
                    var length = GetDents64(directory.DangerousGetHandle().ToInt32(), start, (nuint)buffer.Length);
                    if (length < 0)
                        throw Failed($"directory '{Describe(directory)}' cannot be listed", Marshal.GetLastPInvokeError());
                    if (length == 0)
                        return names;
                    Collect(buffer.AsSpan(0, (int)length), names, directory);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void Collect(ReadOnlySpan<byte> entries, List<string> names, SafeFileHandle directory)
    {
        // struct linux_dirent64: inode 8, offset 8, record length 2, type 1, name with its NUL.
        while (entries.Length > 0)
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(entries[16..]);
            var name = entries[19..length];
            name = name[..name.IndexOf((byte)0)];
            if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                names.Add(Text(name, () => $"a name in '{Describe(directory)}'"));
            entries = entries[length..];
        }
    }

    /// <summary>Where an open file is, for a message: the kernel does not tell a path that is too long.</summary>
    private static string Describe(SafeFileHandle file)
    {
        try
        {
            return Short(RealPath(file));
        }
        catch (FaultException)
        {
            return "a directory whose path is too long to tell";
        }
    }

    private static string Text(ReadOnlySpan<byte> bytes, Func<string> what)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw new FaultException(FaultKind.Action, $"{what()}, '{Encoding.Latin1.GetString(bytes)}', is not UTF-8: outputs need names that are");
        }
    }

    private static SafeFileHandle? Open(SafeFileHandle? from, string path, int flags)
    {
        var descriptor = OpenAt(from?.DangerousGetHandle().ToInt32() ?? -100, path, flags, 0);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    private static FaultException Failed(string what, int error) => new(FaultKind.Worker, $"{what}: {Marshal.GetPInvokeErrorMessage(error)}");

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int StatX(int directory, string path, int flags, uint mask, byte* buffer);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenAt(int directory, string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "readlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial nint ReadLinkAt(int directory, string path, byte* buffer, nuint size);

    [LibraryImport("libc", EntryPoint = "getdents64", SetLastError = true)]
    private static unsafe partial nint GetDents64(int directory, byte* buffer, nuint size);
}
