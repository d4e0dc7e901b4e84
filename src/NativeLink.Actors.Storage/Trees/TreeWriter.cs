using System.Buffers;
using System.Text;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Storage.Trees;

/// <summary>
/// A blob that was leased vanished from the disk all
/// the same; whoever builds fetches it again, once.
/// </summary>
internal sealed class BlobVanishedException(
    Digest digest) : Exception($"blob {digest} vanished from the content store while a tree was made")
{
    public Digest Digest { get; } = digest;
}

/// <summary>How a tree's files come about.</summary>
internal enum FileMaking
{
    Link,
    Copy,
}

/// <summary>
/// Writes trees and deltas below an open directory, name by name and never by a path that could
/// lead elsewhere. Each directory gets its constant time when it is finished
/// (<see cref="InputTime"/>), by which damage is seen later. Each path has an inode of its own, as
/// in any directory: compilers take two names of one inode for one file, and tar stores the second
/// as a link.
/// </summary>
/// <param name="below">The files of the tree that a delta lies over; null for a whole tree.</param>
internal sealed class TreeWriter(
    BlobLinks links, FileMaking making, FileFingerprints? below, CancellationToken cancellation)
{
    private const uint DirectoryMode = 0x1ED;

    private readonly ArrayBufferWriter<byte> _paths = new();
    private readonly List<string> _path = [];
    private readonly HashSet<(Digest, bool)> _linked = [];

    /// <summary>
    /// The directories that were written: the directory itself first, then its children's;
    /// relative, UTF-8, each ended by NUL.
    /// </summary>
    public byte[] Paths => _paths.WrittenSpan.ToArray();

    /// <summary>Bytes of files that the disk holds for this tree alone: neither links nor reflinks.</summary>
    public long CopiedBytes { get; private set; }

    /// <summary>Writes a whole tree into an empty directory.</summary>
    public void WriteTree(DirectoryNode node, string path)
    {
        var directory = Open(Libc.AtFdCwd, path);
        try
        {
            Write(node, directory);
        }
        finally
        {
            _ = Libc.Close(directory);
        }
    }

    /// <summary>
    /// Writes into an empty directory what an overlay must show above <paramref name="old"/> to
    /// look like <paramref name="node"/>.
    /// </summary>
    public void WriteDelta(DirectoryNode old, DirectoryNode node, string path)
    {
        var directory = Open(Libc.AtFdCwd, path);
        try
        {
            Change(old, node, directory);
        }
        finally
        {
            _ = Libc.Close(directory);
        }
    }

    private void Write(DirectoryNode node, int directory)
    {
        cancellation.ThrowIfCancellationRequested();
        NotePath();
        foreach (var file in node.Files)
            WriteFile(file, directory);
        foreach (var link in node.Symlinks)
            WriteSymlink(link, directory);
        for (var i = 0; i < node.Directories.Length; i++)
            WriteChild(node.Directories[i].Name, node.Children![i], null, directory);
        SetTime(directory);
    }

    private void Change(DirectoryNode old, DirectoryNode node, int directory)
    {
        cancellation.ThrowIfCancellationRequested();
        NotePath();
        foreach (var name in TreeDelta.Removed(old, node))
            Hide(name, directory);
        foreach (var file in TreeDelta.ChangedFiles(old, node))
            WriteFile(file, directory);
        foreach (var link in TreeDelta.ChangedSymlinks(old, node))
            WriteSymlink(link, directory);
        foreach (var (name, before, after) in TreeDelta.ChangedDirectories(old, node))
            WriteChild(name, after, before, directory);
        SetTime(directory);
    }

    private void WriteChild(string name, DirectoryNode node, DirectoryNode? old, int parent)
    {
        if (Libc.MakeDirectoryAt(parent, name, DirectoryMode) != 0)
            throw DiskFault.Last($"input directory {name} cannot be made");
        if (Umask.Cuts(DirectoryMode))
            _ = Libc.ChangeModeAt(parent, name, DirectoryMode, 0);
        var child = Open(parent, name);
        _path.Add(name);
        try
        {
            if (old is null)
                Write(node, child);
            else
                Change(old, node, child);
        }
        finally
        {
            _path.RemoveAt(_path.Count - 1);
            _ = Libc.Close(child);
        }
    }

    private void WriteFile(in FileItem file, int directory)
    {
        if (file.IsPrivate)
            WritePrivate(file, directory);
        else if (!(IsLinked(file)
            ? links.TryLinkAt(file.Digest, file.Executable, directory, file.Name)
            : Copy(file, directory, InputModes.Of(file.Executable))))
            throw new BlobVanishedException(file.Digest);
    }

    /// <summary>
    /// Whether a file becomes a link to the store's inode: the first one in the tree that has its
    /// content. Empty files are made, each by itself.
    /// </summary>
    private bool IsLinked(in FileItem file)
    {
        if (making != FileMaking.Link)
            return false;
        if (file.Digest.IsEmpty || (below?.MayHave(file) != true && _linked.Add((file.Digest, file.Executable))))
            return true;
        return false;
    }

    private unsafe void WritePrivate(in FileItem file, int directory)
    {
        var mode = file.Mode ?? InputModes.Of(file.Executable);
        if (!Copy(file, directory, mode))
            throw new BlobVanishedException(file.Digest);
        // What the umask cut, and write bits that only open's creator would have: set as asked.
        if (Libc.ChangeModeAt(directory, file.Name, mode, 0) != 0)
            throw DiskFault.Last($"the mode of input {file.Name} cannot be set");
        if (file.ModifiedNanoseconds is not { } modified)
            return;
        var (seconds, rest) = Math.DivRem(modified, 1_000_000_000);
        var times = stackalloc TimeSpec[2];
        times[0] = new TimeSpec { Nanoseconds = TimeSpec.Omit };
        times[1] = rest < 0
            ? new TimeSpec { Seconds = seconds - 1, Nanoseconds = rest + 1_000_000_000 }
            : new TimeSpec { Seconds = seconds, Nanoseconds = rest };
        if (Libc.SetTimesAt(directory, file.Name, times, Libc.AtSymlinkNoFollow) != 0)
            throw DiskFault.Last($"the time of input {file.Name} cannot be set");
        // File systems do not refuse a time that they cannot hold: they take the nearest.
        if (Libc.StatxAt(directory, file.Name, Libc.AtSymlinkNoFollow, StatxBuffer.ModificationTime, out var status)
            == 0 && status.ModifyTime.Seconds != times[1].Seconds)
            throw new FaultException(FaultKind.Action,
                $"input {file.Name} is to have an mtime of {times[1].Seconds} s, which this file system cannot hold");
    }

    private bool Copy(in FileItem file, int directory, uint mode)
    {
        var copied = links.TryCopyAt(file.Digest, directory, file.Name, mode, out var reflinked);
        if (!reflinked)
            CopiedBytes += file.Digest.SizeBytes;
        return copied;
    }

    private static void WriteSymlink(in SymlinkItem link, int directory)
    {
        if (Libc.SymlinkAt(link.Target, directory, link.Name) != 0)
            throw DiskFault.Last($"symbolic link {link.Name} cannot be made");
        _ = InputTime.SetAt(directory, link.Name);
    }

    /// <summary>
    /// A whiteout: a character device 0/0, which needs no privilege (Linux 5.8; overlayfs
    /// documentation, "whiteouts and opaque directories").
    /// </summary>
    private static void Hide(string name, int directory)
    {
        if (Libc.MakeNodeAt(directory, name, FileTypes.CharacterDevice, 0) != 0)
            throw DiskFault.Last($"whiteout {name} cannot be made");
    }

    private void NotePath()
    {
        _paths.Write(Encoding.UTF8.GetBytes(_path.Count == 0 ? "." : string.Join('/', _path)));
        _paths.Write<byte>([0]);
    }

    private static void SetTime(int directory)
    {
        if (InputTime.Set(directory) != 0)
            throw DiskFault.Last("the time of a directory that was just made cannot be set");
    }

    private static int Open(int parent, string name)
    {
        var descriptor = Libc.OpenAt(
            parent, name, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow | OpenFlags.CloseOnExec, 0);
        return descriptor >= 0 ? descriptor : throw DiskFault.Last($"directory {name} cannot be opened");
    }
}
