using System.Buffers;
using System.Text;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Native;

namespace NativeLink.Actors.Storage.Trees;

/// <summary>A blob that was leased vanished from the disk all the same; whoever builds fetches it again, once.</summary>
internal sealed class BlobVanishedException(Digest digest) : Exception($"blob {digest} vanished from the content store while a tree was made")
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
/// Writes trees and deltas below an open directory, name by name and never by a path that could lead elsewhere. Notes each directory's modification
/// time at the end, in the order of a walk, by which damage is seen later.
/// </summary>
internal sealed class TreeWriter(BlobLinks links, FileMaking making, CancellationToken cancellation)
{
    private const uint DirectoryMode = 0x1ED;
    private const uint CharacterDevice = 0x2000;

    private readonly ArrayBufferWriter<byte> _paths = new();
    private readonly List<string> _path = [];

    /// <summary>Modification time in ns of each directory that was written: the directory itself first, then its children's.</summary>
    public List<long> ModifiedTimes { get; } = [];

    /// <summary>The directories in the same order, relative, UTF-8, each ended by NUL.</summary>
    public byte[] Paths => _paths.WrittenSpan.ToArray();

    public bool AllReflinked { get; private set; } = true;

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

    /// <summary>Writes into an empty directory what an overlay must show above <paramref name="old"/> to look like <paramref name="node"/>.</summary>
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
        var place = Reserve();
        foreach (var file in node.Files)
            WriteFile(file, directory);
        foreach (var link in node.Symlinks)
            WriteSymlink(link, directory);
        for (var i = 0; i < node.Directories.Length; i++)
            WriteChild(node.Directories[i].Name, node.Children![i], null, directory);
        NoteTime(place, directory);
    }

    private void Change(DirectoryNode old, DirectoryNode node, int directory)
    {
        cancellation.ThrowIfCancellationRequested();
        var place = Reserve();
        foreach (var name in TreeDelta.Removed(old, node))
            Hide(name, directory);
        foreach (var file in TreeDelta.ChangedFiles(old, node))
            WriteFile(file, directory);
        foreach (var link in TreeDelta.ChangedSymlinks(old, node))
            WriteSymlink(link, directory);
        foreach (var (name, before, after) in TreeDelta.ChangedDirectories(old, node))
            WriteChild(name, after, before, directory);
        NoteTime(place, directory);
    }

    private void WriteChild(string name, DirectoryNode node, DirectoryNode? old, int parent)
    {
        if (Libc.MakeDirectoryAt(parent, name, DirectoryMode) != 0)
            throw Errno.LastFault($"input directory {name} cannot be made");
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
        else if (making == FileMaking.Link ? !links.TryLinkAt(file.Digest, file.Executable, directory, file.Name) : !Copy(file, directory, file.Executable ? 0x16Du : 0x124u))
            throw new BlobVanishedException(file.Digest);
    }

    private unsafe void WritePrivate(in FileItem file, int directory)
    {
        var mode = file.Mode ?? (file.Executable ? 0x16Du : 0x124u);
        if (!Copy(file, directory, mode))
            throw new BlobVanishedException(file.Digest);
        // What the umask cut, and write bits that only open's creator would have: set as asked.
        if (Libc.ChangeModeAt(directory, file.Name, mode, 0) != 0)
            throw Errno.LastFault($"the mode of input {file.Name} cannot be set");
        if (file.ModifiedNanoseconds is not { } modified)
            return;
        var (seconds, rest) = Math.DivRem(modified, 1_000_000_000);
        var times = stackalloc Libc.TimeSpec[2];
        times[0] = new Libc.TimeSpec { Nanoseconds = Libc.UtimeOmit };
        times[1] = rest < 0 ? new Libc.TimeSpec { Seconds = seconds - 1, Nanoseconds = rest + 1_000_000_000 } : new Libc.TimeSpec { Seconds = seconds, Nanoseconds = rest };
        if (Libc.SetTimesAt(directory, file.Name, times, Libc.AtSymlinkNoFollow) != 0)
            throw Errno.LastFault($"the time of input {file.Name} cannot be set");
    }

    private bool Copy(in FileItem file, int directory, uint mode)
    {
        var copied = links.TryCopyAt(file.Digest, directory, file.Name, mode, out var reflinked);
        AllReflinked &= reflinked;
        return copied;
    }

    private static void WriteSymlink(in SymlinkItem link, int directory)
    {
        if (Libc.SymlinkAt(link.Target, directory, link.Name) != 0)
            throw Errno.LastFault($"symbolic link {link.Name} cannot be made");
    }

    /// <summary>A whiteout: a character device 0/0, which needs no privilege (Linux 5.8; overlayfs documentation, "whiteouts and opaque directories").</summary>
    private static void Hide(string name, int directory)
    {
        if (Libc.MakeNodeAt(directory, name, CharacterDevice, 0) != 0)
            throw Errno.LastFault($"whiteout {name} cannot be made");
    }

    private int Reserve()
    {
        ModifiedTimes.Add(0);
        _paths.Write(Encoding.UTF8.GetBytes(_path.Count == 0 ? "." : string.Join('/', _path)));
        _paths.Write<byte>([0]);
        return ModifiedTimes.Count - 1;
    }

    private void NoteTime(int place, int directory)
    {
        if (Libc.StatxAt(directory, "", Libc.AtEmptyPath, Libc.StatxBasic, out var status) != 0)
            throw Errno.LastFault("a directory that was just made cannot be looked at");
        ModifiedTimes[place] = status.ModifyTime.TotalNanoseconds;
    }

    private static int Open(int parent, string name)
    {
        var descriptor = Libc.OpenAt(parent, name, Libc.ReadOnly | Libc.DirectoryOnly | Libc.NoFollow | Libc.CloseOnExec, 0);
        return descriptor >= 0 ? descriptor : throw Errno.LastFault($"directory {name} cannot be opened");
    }
}
