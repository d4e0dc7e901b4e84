using System.Text;

namespace NativeLink.Actors.Storage.Trees;

/// <param name="Mode">The mode that node_properties ask for, or null.</param>
/// <param name="ModifiedNanoseconds">The time that node_properties ask for, in ns since 1970, or null.</param>
internal readonly record struct FileItem(
    string Name, Digest Digest, bool Executable, uint? Mode, long? ModifiedNanoseconds)
{
    /// <summary>Whether the file needs an inode of its own (protos/README.md 4.3).</summary>
    public bool IsPrivate => Mode is not null || ModifiedNanoseconds is not null;
}

internal readonly record struct SymlinkItem(string Name, string Target);

internal readonly record struct ChildItem(string Name, Digest Digest);

/// <summary>
/// How much there is at and below a directory, repeated
/// directories as often as they appear; saturating.
/// </summary>
/// <param name="LongestPath">Bytes of the longest path below it.</param>
/// <param name="PathBytes">Bytes of the paths of all directories below it, a separator each.</param>
internal readonly record struct TreeSize(
    long Entries, long Directories, long Bytes, int Depth, long LongestPath, long PathBytes);

/// <summary>
/// A checked Directory message in short form. Once all of its descendants are known it is complete:
/// it then holds its children, so that a tree can be walked without asking anybody. Immutable after
/// that, and shared by all trees that have it.
/// </summary>
internal sealed class DirectoryNode(Digest digest, FileItem[] files, ChildItem[] directories, SymlinkItem[] symlinks)
{
    public Digest Digest { get; } = digest;

    public FileItem[] Files { get; } = files;

    public ChildItem[] Directories { get; } = directories;

    public SymlinkItem[] Symlinks { get; } = symlinks;

    /// <summary>The nodes of <see cref="Directories"/>, in the same order; null until complete.</summary>
    public DirectoryNode[]? Children { get; private set; }

    public TreeSize Size { get; private set; }

    public bool IsComplete => Children is not null;

    public void Complete(DirectoryNode[] children)
    {
        long entries = Files.Length + Symlinks.Length
            + Directories.Length, directories = 1, bytes = 0, longest = 0, paths = 0;
        var depth = 0;
        foreach (var file in Files)
            (bytes, longest) = (Saturate(bytes, file.Digest.SizeBytes),
                Math.Max(longest, Encoding.UTF8.GetByteCount(file.Name)));
        foreach (var link in Symlinks)
            longest = Math.Max(longest, Encoding.UTF8.GetByteCount(link.Name));
        for (var i = 0; i < children.Length; i++)
        {
            var (below, name) = (children[i].Size, Encoding.UTF8.GetByteCount(Directories[i].Name));
            entries = Saturate(entries, below.Entries);
            directories = Saturate(directories, below.Directories);
            bytes = Saturate(bytes, below.Bytes);
            depth = Math.Max(depth, below.Depth);
            longest = Math.Max(longest, name + (below.LongestPath > 0 ? 1 + below.LongestPath : 0));
            paths = Saturate(paths, Saturate(below.PathBytes, below.Directories > long.MaxValue / 256
                ? long.MaxValue
                : below.Directories * (name + 1)));
        }
        Size = new TreeSize(entries, directories, bytes, depth + 1, longest, paths);
        Children = children;
    }

    /// <summary>The digests of all files in a complete tree that have content, each once.</summary>
    public HashSet<Digest> AllFiles()
    {
        var (found, seen, open) = (new HashSet<Digest>(), new HashSet<DirectoryNode>(), new Stack<DirectoryNode>());
        open.Push(this);
        while (open.TryPop(out var node))
        {
            if (!seen.Add(node))
                continue;
            node.AddFilesTo(found);
            foreach (var child in node.Children!)
                open.Push(child);
        }
        return found;
    }

    private void AddFilesTo(HashSet<Digest> found)
    {
        foreach (var file in Files)
        {
            if (!file.Digest.IsEmpty)
                found.Add(file.Digest);
        }
    }

    private static long Saturate(long left, long right) => left > long.MaxValue - right ? long.MaxValue : left + right;
}
