using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using NativeLink.Actors.Cas;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>
/// Files by descriptor, so that no symlink is followed unless it was asked for, and names as the
/// bytes they are (statx(2), openat(2), getdents64(2)).
/// </summary>
internal sealed class NativeFiles : IOutputFiles
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public SafeHandle? OpenPlace(SafeHandle? from, string path) =>
        OpenIfThere(from, path, OpenFlags.PathOnly | OpenFlags.Directory | OpenFlags.CloseOnExec);

    public SafeHandle? OpenRoot(string path) =>
        OpenIfThere(null, path, OpenFlags.PathOnly | OpenFlags.Directory | OpenFlags.NoFollow | OpenFlags.CloseOnExec);

    public SafeHandle? OpenPath(SafeHandle from, string name) =>
        OpenIfThere(from, name, OpenFlags.PathOnly | OpenFlags.NoFollow | OpenFlags.CloseOnExec);

    public SafeHandle OpenDirectory(SafeHandle from, string name, string path) =>
        Open(from, name, OpenFlags.Directory | OpenFlags.NoFollow | OpenFlags.CloseOnExec)
        ?? throw CannotOpen($"output directory '{OutputPaths.Short(path)}' cannot be opened");

    public BlobSource OpenFile(string path) => new(
        default,
        Open(null, path, OpenFlags.NonBlocking | OpenFlags.CloseOnExec | OpenFlags.NoFollow)
            ?? throw CannotOpen($"output '{OutputPaths.Short(path)}' cannot be read"),
        path);

    public long LengthOf(string path) => new FileInfo(path) is { Exists: true, Length: var length } ? length : 0;

    public SafeHandle? OpenTarget(SafeHandle from, string name, out string whyNot)
    {
        whyNot = "";
        var descriptor = Libc.OpenAt2(from.DangerousGetHandle().ToInt32(), name,
            OpenFlags.PathOnly | OpenFlags.CloseOnExec, Libc.ResolveNoMagicLinks);
        if (descriptor < 0 && Errno.Last == Errno.ENOSYS)
            descriptor = Libc.OpenAt(from.DangerousGetHandle().ToInt32(), name,
                OpenFlags.PathOnly | OpenFlags.CloseOnExec, 0);
        if (descriptor >= 0)
            return new SafeFileHandle(descriptor, ownsHandle: true);
        var error = Errno.Last;
        if (!IsAbsence(error) && !IsDenial(error))
            throw Failed($"what symlink '{name}' leads to cannot be examined", error);
        whyNot = Errno.Message(error);
        return null;
    }

    public bool MayRead(SafeHandle target, out string whyNot)
    {
        using var opened = Open(null, $"/proc/self/fd/{target.DangerousGetHandle()}",
            OpenFlags.NonBlocking | OpenFlags.CloseOnExec);
        whyNot = "";
        if (opened is not null)
            return true;
        var error = Errno.Last;
        if (!IsAbsence(error) && !IsDenial(error))
            throw Failed($"'{Describe(target)}' cannot be opened", error);
        whyNot = Errno.Message(error);
        return false;
    }

    public unsafe bool IsInProc(SafeHandle file)
    {
        var buffer = stackalloc long[32];
        return Libc.FilesystemOf(file.DangerousGetHandle().ToInt32(), buffer) == 0 && buffer[0] == Libc.ProcMagic;
    }

    /// <summary>
    /// Why the last open failed. What the action's own modes
    /// and names forbid, they forbid at the next attempt too.
    /// </summary>
    private static FaultException CannotOpen(string what) => Failed(what, Errno.Last);

    public string RealPath(SafeHandle file) => PathOf(file);

    public FileStatus Status(SafeHandle from, string name, bool follow)
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

    public string ReadLink(SafeHandle from, string name) => TargetOf(from, name);

    private static string PathOf(SafeHandle file) => TargetOf(null, $"/proc/self/fd/{file.DangerousGetHandle()}");

    private static unsafe string TargetOf(SafeHandle? from, string name)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(8192);
        try
        {
            fixed (byte* start = buffer)
            {
                var length = Libc.ReadLinkAt(from?.DangerousGetHandle().ToInt32() ?? Libc.AtFdCwd, name, start,
                    (nuint)buffer.Length);
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

    public unsafe List<string> Names(SafeHandle directory)
    {
        var names = new List<string>();
        var buffer = ArrayPool<byte>.Shared.Rent(32 << 10);
        try
        {
            fixed (byte* start = buffer)
            {
                while (true)
                {
                    var length = Libc.ReadDirectory(directory.DangerousGetHandle().ToInt32(), start,
                        (nuint)buffer.Length);
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

    private static void Collect(ReadOnlySpan<byte> entries, List<string> names, SafeHandle directory)
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
    private static string Describe(SafeHandle file)
    {
        try
        {
            return OutputPaths.Short(PathOf(file));
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
            throw new FaultException(FaultKind.Action,
                $"{what()}, '{Encoding.Latin1.GetString(bytes)}', is not UTF-8: outputs need names that are");
        }
    }

    private static SafeFileHandle? Open(SafeHandle? from, string path, int flags)
    {
        var descriptor = Libc.OpenAt(from?.DangerousGetHandle().ToInt32() ?? Libc.AtFdCwd, path, flags, 0);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>Null says that nothing is there, never that it could not be told.</summary>
    private static SafeFileHandle? OpenIfThere(SafeHandle? from, string path, int flags)
    {
        if (Open(from, path, flags) is { } opened)
            return opened;
        var error = Errno.Last;
        return IsAbsence(error)
            ? null
            : throw Failed($"directory '{OutputPaths.Short(path)}', which holds an output, cannot be reached", error);
    }

    /// <summary>What has too long a name cannot be there.</summary>
    private static bool IsAbsence(int error) =>
        error is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP or Errno.ENAMETOOLONG or Errno.ENXIO;

    private static bool IsDenial(int error) => error is Errno.EACCES or Errno.EPERM;

    private static FaultException Failed(string what, int error) =>
        new(IsDenial(error) || error == Errno.ENAMETOOLONG ? FaultKind.Action : FaultKind.Worker,
            $"{what}: {Errno.Message(error)}");
}
