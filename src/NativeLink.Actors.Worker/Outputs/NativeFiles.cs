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
/// <param name="Size">Bytes, holes as well.</param>
/// <param name="IsNull">It is <c>/dev/null</c> (character device 1:3).</param>
/// <param name="Identity">Which file it is, whatever it is called.</param>
internal readonly record struct FileStatus(FileKind Kind, uint Mode, uint Links, long Size, long Seconds, uint Nanoseconds, bool IsNull, FileIdentity Identity);

/// <summary>Device and inode.</summary>
internal readonly record struct FileIdentity(ulong Device, ulong Inode);

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
    private const int OpenPathFlag = 0x200000;
    private const int NotPermitted = 1;
    private const int NoEntry = 2;
    private const int NoSuchDevice = 6;
    private const int AccessDenied = 13;
    private const int NotADirectory = 20;
    private const int NameTooLong = 36;
    private const int NotImplemented = 38;
    private const int TooManyLinks = 40;

    // The two flags whose bits differ between processors (fcntl.h).
    private static readonly bool Arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
    private static readonly int OpenDirectoryFlag = Arm ? 0x4000 : 0x10000;
    private static readonly int OpenNoFollow = Arm ? 0x8000 : 0x20000;
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>A directory, as a place to look from; symlinks on the way are followed. Null when there is none.</summary>
    /// <exception cref="FaultException">Action: a directory on the way is closed. Worker: it cannot be told whether there is one.</exception>
    public static SafeFileHandle? OpenPlace(SafeFileHandle? from, string path) =>
        OpenIfThere(from, path, OpenPathFlag | OpenDirectoryFlag | OpenCloseOnExec);

    /// <summary>The same, itself no symlink.</summary>
    /// <inheritdoc cref="OpenPlace"/>
    public static SafeFileHandle? OpenRoot(string path) => OpenIfThere(null, path, OpenPathFlag | OpenDirectoryFlag | OpenNoFollow | OpenCloseOnExec);

    /// <summary>A file or directory to look at, itself no symlink. Null when there is none.</summary>
    /// <inheritdoc cref="OpenPlace"/>
    public static SafeFileHandle? OpenPath(SafeFileHandle from, string name) => OpenIfThere(from, name, OpenPathFlag | OpenNoFollow | OpenCloseOnExec);

    /// <summary>A directory to list, itself no symlink.</summary>
    /// <exception cref="FaultException">Action: it is closed. Worker: it cannot be opened otherwise.</exception>
    public static SafeFileHandle OpenDirectory(SafeFileHandle from, string name, string path) =>
        Open(from, name, OpenDirectoryFlag | OpenNoFollow | OpenCloseOnExec) ?? throw CannotOpen($"output directory '{Short(path)}' cannot be opened");

    /// <summary>A file to read, itself no symlink.</summary>
    /// <exception cref="FaultException">Action: it may not be read, or its path is too long. Worker: it cannot be opened otherwise; says why.</exception>
    public static SafeFileHandle OpenFile(string path) =>
        Open(null, path, OpenNonBlocking | OpenCloseOnExec | OpenNoFollow) ?? throw CannotOpen($"output '{Short(path)}' cannot be read");

    /// <summary>
    /// What a symlink leads to, as a place or a file to look at; null and the reason when it leads nowhere or may not be reached. What leads through another
    /// process's view (<c>/proc/self/fd</c> and its like) leads nowhere: the process whose view it would be has ended.
    /// </summary>
    /// <exception cref="FaultException">Worker: it cannot be told, because descriptors or memory are short or the disk fails.</exception>
    public static SafeFileHandle? OpenTarget(SafeFileHandle from, string name, out string whyNot)
    {
        const ulong NoMagicLinks = 2;
        whyNot = "";
        var descriptor = OpenAt2(from.DangerousGetHandle().ToInt32(), name, OpenPathFlag | OpenCloseOnExec, NoMagicLinks);
        if (descriptor < 0 && Marshal.GetLastPInvokeError() == NotImplemented)
            descriptor = OpenAt(from.DangerousGetHandle().ToInt32(), name, OpenPathFlag | OpenCloseOnExec, 0);
        if (descriptor >= 0)
            return new SafeFileHandle(descriptor, ownsHandle: true);
        var error = Marshal.GetLastPInvokeError();
        if (!IsAbsence(error) && !IsDenial(error))
            throw Failed($"what symlink '{name}' leads to cannot be examined", error);
        whyNot = Marshal.GetPInvokeErrorMessage(error);
        return null;
    }

    /// <summary>Whether an open place or file may be read; says why not otherwise.</summary>
    /// <exception cref="FaultException">Worker: it cannot be told, because descriptors or memory are short or the disk fails.</exception>
    public static bool MayRead(SafeFileHandle target, out string whyNot)
    {
        using var opened = Open(null, $"/proc/self/fd/{target.DangerousGetHandle()}", OpenNonBlocking | OpenCloseOnExec);
        whyNot = "";
        if (opened is not null)
            return true;
        var error = Marshal.GetLastPInvokeError();
        if (!IsAbsence(error) && !IsDenial(error))
            throw Failed($"'{Describe(target)}' cannot be opened", error);
        whyNot = Marshal.GetPInvokeErrorMessage(error);
        return false;
    }

    /// <summary>Whether it lies in the kernel's view of processes, where files have no content of their own (proc(5)).</summary>
    public static unsafe bool IsInProc(SafeFileHandle file)
    {
        const long ProcMagic = 0x9fa0;
        var buffer = stackalloc long[32];
        return FileSystemOf(file.DangerousGetHandle().ToInt32(), buffer) == 0 && buffer[0] == ProcMagic;
    }

    /// <summary>Why the last open failed. What the action's own modes and names forbid, they forbid at the next attempt too.</summary>
    private static FaultException CannotOpen(string what) => Failed(what, Marshal.GetLastPInvokeError());

    /// <summary>A path that a message can show.</summary>
    public static string Short(string path) => path.Length <= 300 ? path : $"{MessageText.Head(path, 200)}…{MessageText.Tail(path, 80)}";

    /// <summary>Where an open file is, as the kernel sees it.</summary>
    public static string RealPath(SafeFileHandle file) => ReadLink(null, $"/proc/self/fd/{file.DangerousGetHandle()}");

    /// <summary>What a name stands for; an empty name is the directory itself.</summary>
    /// <exception cref="FaultException">Action: the directory is closed. Worker: the file system failed.</exception>
    public static unsafe FileStatus Status(SafeFileHandle from, string name, bool follow)
    {
        var buffer = stackalloc byte[256];
        if (StatX(from.DangerousGetHandle().ToInt32(), name, AtEmptyPath | (follow ? 0 : AtSymlinkNoFollow), BasicStats, buffer) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (IsAbsence(error) || (follow && IsDenial(error)))
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
            kind, mode & 0xfffu, BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[112..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[120..]), isNull,
            new FileIdentity(
                ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(bytes[136..]) << 32) | BinaryPrimitives.ReadUInt32LittleEndian(bytes[140..]),
                BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..])));
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

    /// <summary>Null says that nothing is there, never that it could not be told.</summary>
    private static SafeFileHandle? OpenIfThere(SafeFileHandle? from, string path, int flags)
    {
        if (Open(from, path, flags) is { } opened)
            return opened;
        var error = Marshal.GetLastPInvokeError();
        return IsAbsence(error) ? null : throw Failed($"directory '{Short(path)}', which holds an output, cannot be reached", error);
    }

    private static unsafe int OpenAt2(int directory, string path, int flags, ulong resolve)
    {
        // openat2(2); struct open_how: flags, mode, resolve.
        var how = stackalloc ulong[] { (ulong)flags, 0, resolve };
        return (int)SystemCall(437, directory, path, how, 24);
    }

    /// <summary>What has too long a name cannot be there.</summary>
    private static bool IsAbsence(int error) => error is NoEntry or NotADirectory or TooManyLinks or NameTooLong or NoSuchDevice;

    private static bool IsDenial(int error) => error is AccessDenied or NotPermitted;

    private static FaultException Failed(string what, int error) =>
        new(IsDenial(error) || error == NameTooLong ? FaultKind.Action : FaultKind.Worker, $"{what}: {Marshal.GetPInvokeErrorMessage(error)}");

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial nint SystemCall(nint number, nint directory, string path, ulong* how, nint size);

    [LibraryImport("libc", EntryPoint = "fstatfs", SetLastError = true)]
    private static unsafe partial int FileSystemOf(int descriptor, long* buffer);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int StatX(int directory, string path, int flags, uint mask, byte* buffer);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenAt(int directory, string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "readlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial nint ReadLinkAt(int directory, string path, byte* buffer, nuint size);

    [LibraryImport("libc", EntryPoint = "getdents64", SetLastError = true)]
    private static unsafe partial nint GetDents64(int directory, byte* buffer, nuint size);
}
