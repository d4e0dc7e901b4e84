using System.Buffers;
using System.Buffers.Binary;
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
internal static class NativeFiles
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>A directory, as a place to look from; symlinks on the way are followed. Null when there is none.</summary>
    /// <exception cref="FaultException">Action: a directory on the way is closed. Worker: it cannot be told whether there is one.</exception>
    public static SafeFileHandle? OpenPlace(SafeFileHandle? from, string path) =>
        OpenIfThere(from, path, OpenFlags.PathOnly | OpenFlags.Directory | OpenFlags.CloseOnExec);

    /// <summary>The same, itself no symlink.</summary>
    /// <inheritdoc cref="OpenPlace"/>
    public static SafeFileHandle? OpenRoot(string path) =>
        OpenIfThere(null, path, OpenFlags.PathOnly | OpenFlags.Directory | OpenFlags.NoFollow | OpenFlags.CloseOnExec);

    /// <summary>A file or directory to look at, itself no symlink. Null when there is none.</summary>
    /// <inheritdoc cref="OpenPlace"/>
    public static SafeFileHandle? OpenPath(SafeFileHandle from, string name) =>
        OpenIfThere(from, name, OpenFlags.PathOnly | OpenFlags.NoFollow | OpenFlags.CloseOnExec);

    /// <summary>A directory to list, itself no symlink.</summary>
    /// <exception cref="FaultException">Action: it is closed. Worker: it cannot be opened otherwise.</exception>
    public static SafeFileHandle OpenDirectory(SafeFileHandle from, string name, string path) =>
        Open(from, name, OpenFlags.Directory | OpenFlags.NoFollow | OpenFlags.CloseOnExec)
        ?? throw CannotOpen($"output directory '{Short(path)}' cannot be opened");

    /// <summary>A file to read, itself no symlink.</summary>
    /// <exception cref="FaultException">Action: it may not be read, or its path is too long. Worker: it cannot be opened otherwise; says why.</exception>
    public static SafeFileHandle OpenFile(string path) =>
        Open(null, path, OpenFlags.NonBlocking | OpenFlags.CloseOnExec | OpenFlags.NoFollow)
        ?? throw CannotOpen($"output '{Short(path)}' cannot be read");

    /// <summary>
    /// What a symlink leads to, as a place or a file to look at; null and the reason when it leads nowhere or may not be reached. What leads through another
    /// process's view (<c>/proc/self/fd</c> and its like) leads nowhere: the process whose view it would be has ended.
    /// </summary>
    /// <exception cref="FaultException">Worker: it cannot be told, because descriptors or memory are short or the disk fails.</exception>
    public static SafeFileHandle? OpenTarget(SafeFileHandle from, string name, out string whyNot)
    {
        whyNot = "";
        var descriptor = Libc.OpenAt2(from.DangerousGetHandle().ToInt32(), name, OpenFlags.PathOnly | OpenFlags.CloseOnExec, Libc.ResolveNoMagicLinks);
        if (descriptor < 0 && Errno.Last == Errno.ENOSYS)
            descriptor = Libc.OpenAt(from.DangerousGetHandle().ToInt32(), name, OpenFlags.PathOnly | OpenFlags.CloseOnExec, 0);
        if (descriptor >= 0)
            return new SafeFileHandle(descriptor, ownsHandle: true);
        var error = Errno.Last;
        if (!IsAbsence(error) && !IsDenial(error))
            throw Failed($"what symlink '{name}' leads to cannot be examined", error);
        whyNot = Errno.Message(error);
        return null;
    }

    /// <summary>Whether an open place or file may be read; says why not otherwise.</summary>
    /// <exception cref="FaultException">Worker: it cannot be told, because descriptors or memory are short or the disk fails.</exception>
    public static bool MayRead(SafeFileHandle target, out string whyNot)
    {
        using var opened = Open(null, $"/proc/self/fd/{target.DangerousGetHandle()}", OpenFlags.NonBlocking | OpenFlags.CloseOnExec);
        whyNot = "";
        if (opened is not null)
            return true;
        var error = Errno.Last;
        if (!IsAbsence(error) && !IsDenial(error))
            throw Failed($"'{Describe(target)}' cannot be opened", error);
        whyNot = Errno.Message(error);
        return false;
    }

    /// <summary>Whether it lies in the kernel's view of processes, where files have no content of their own (proc(5)).</summary>
    public static unsafe bool IsInProc(SafeFileHandle file)
    {
        var buffer = stackalloc long[32];
        return Libc.FilesystemOf(file.DangerousGetHandle().ToInt32(), buffer) == 0 && buffer[0] == Libc.ProcMagic;
    }

    /// <summary>Why the last open failed. What the action's own modes and names forbid, they forbid at the next attempt too.</summary>
    private static FaultException CannotOpen(string what) => Failed(what, Errno.Last);

    /// <summary>A path that a message can show.</summary>
    public static string Short(string path) => path.Length <= 300 ? path : $"{MessageText.Head(path, 200)}…{MessageText.Tail(path, 80)}";

    /// <summary>Where an open file is, as the kernel sees it.</summary>
    public static string RealPath(SafeFileHandle file) => ReadLink(null, $"/proc/self/fd/{file.DangerousGetHandle()}");

    /// <summary>What a name stands for; an empty name is the directory itself.</summary>
    /// <exception cref="FaultException">Action: the directory is closed. Worker: the file system failed.</exception>
    public static FileStatus Status(SafeFileHandle from, string name, bool follow)
    {
        var flags = Libc.AtEmptyPath | (follow ? 0 : Libc.AtSymlinkNoFollow);
        if (Libc.StatxAt(from.DangerousGetHandle().ToInt32(), name, flags, StatxBuffer.Basic, out var status) != 0)
        {
            var error = Errno.Last;
            if (IsAbsence(error) || (follow && IsDenial(error)))
                return default;
            throw Failed($"'{name}' below '{Describe(from)}' cannot be examined", error);
        }
        var type = status.Mode & FileTypes.Mask;
        var kind = type switch
        {
            FileTypes.Regular => FileKind.Regular,
            FileTypes.Directory => FileKind.Directory,
            FileTypes.SymbolicLink => FileKind.Symlink,
            _ => FileKind.Special,
        };
        var isNull = type == FileTypes.CharacterDevice && status is { RdevMajor: 1, RdevMinor: 3 };
        var (seconds, nanoseconds) = (status.ModifyTime.Seconds, status.ModifyTime.Nanoseconds);
        return new FileStatus(
            kind, status.Mode & 0xfffu, status.LinkCount, (long)status.Size, seconds, nanoseconds, isNull,
            new FileIdentity(status.Device, status.Inode));
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
                var length = Libc.ReadLinkAt(from?.DangerousGetHandle().ToInt32() ?? Libc.AtFdCwd, name, start, (nuint)buffer.Length);
                if (length < 0)
                    throw Failed($"symlink '{name}' cannot be read", Errno.Last);
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
                    var length = Libc.ReadDirectory(directory.DangerousGetHandle().ToInt32(), start, (nuint)buffer.Length);
                    if (length < 0)
                        throw Failed($"directory '{Describe(directory)}' cannot be listed", Errno.Last);
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
        while (entries.Length > 0)
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(entries[DirectoryRecord.LengthOffset..]);
            var name = entries[DirectoryRecord.NameOffset..length];
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
        var descriptor = Libc.OpenAt(from?.DangerousGetHandle().ToInt32() ?? Libc.AtFdCwd, path, flags, 0);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>Null says that nothing is there, never that it could not be told.</summary>
    private static SafeFileHandle? OpenIfThere(SafeFileHandle? from, string path, int flags)
    {
        if (Open(from, path, flags) is { } opened)
            return opened;
        var error = Errno.Last;
        return IsAbsence(error) ? null : throw Failed($"directory '{Short(path)}', which holds an output, cannot be reached", error);
    }

    /// <summary>What has too long a name cannot be there.</summary>
    private static bool IsAbsence(int error) => error is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP or Errno.ENAMETOOLONG or Errno.ENXIO;

    private static bool IsDenial(int error) => error is Errno.EACCES or Errno.EPERM;

    private static FaultException Failed(string what, int error) =>
        new(IsDenial(error) || error == Errno.ENAMETOOLONG ? FaultKind.Action : FaultKind.Worker, $"{what}: {Errno.Message(error)}");
}
