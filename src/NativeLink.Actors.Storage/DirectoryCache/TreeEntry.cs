using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Storage.DirectoryCache;

/// <summary>One cached tree, whole or as a delta over another. The cache's gate guards what changes.</summary>
internal sealed class TreeEntry(Digest root, string path, long bytes, TreeEntry? below)
{
    private byte[]? _paths;
    private FileFingerprints? _fingerprints;

    public Digest Root { get; } = root;

    /// <summary>Its directory in the cache; holds <c>t</c>, the tree, and <c>record</c>.</summary>
    public string Path { get; set; } = path;

    public string Tree => System.IO.Path.Combine(Path, "t");

    public string RecordFile => System.IO.Path.Combine(Path, "record");

    public long Bytes { get; } = bytes;

    /// <summary>Bytes of copies that are there for this tree alone; they count for the cache's limit.</summary>
    public long CopiedBytes { get; init; }

    public TreeEntry? Below { get; } = below;

    /// <summary>Actions that run on it, deltas over it, constructions that hold it.</summary>
    public int Pins { get; set; }

    /// <summary>Out of the cache; deleted with its last pin.</summary>
    public bool IsEvicted { get; set; }

    /// <summary>Made before the machine was restarted and not verified since.</summary>
    public bool IsUnverified { get; set; }

    public DateTimeOffset LastUse { get; set; }

    public DateTimeOffset PersistedUse { get; set; }

    public LinkedListNode<TreeEntry>? Node { get; set; }

    /// <summary>Layers for an overlay, the topmost first.</summary>
    public IReadOnlyList<string> Layers => Below is null ? [Tree] : [Tree, Below.Tree];

    public void SetPaths(byte[] paths) => _paths = paths;

    /// <summary>What its files' contents are, for deltas over it; made when the first one is.</summary>
    public FileFingerprints FingerprintsOf(DirectoryNode tree) => _fingerprints ??= new FileFingerprints(tree);

    /// <summary>
    /// Whether every directory still is as it was made: whoever adds, removes or renames something
    /// in a directory changes its modification time. About a microsecond a directory.
    /// </summary>
    /// <exception cref="FaultException">Storage: it cannot be told, because this process or the
    /// machine has run short of something.</exception>
    public unsafe bool IsIntact()
    {
        if (_paths is null && !Load())
            return false;
        var tree = Libc.Open(Tree, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.CloseOnExec, 0);
        if (tree < 0)
            return IsDamage();
        try
        {
            fixed (byte* start = _paths)
            {
                var at = start;
                var end = start + _paths!.Length;
                while (at < end)
                {
                    if (Libc.StatxAt(tree, at, Libc.AtSymlinkNoFollow, StatxBuffer.ModificationTime, out var status)
                        != 0)
                        return IsDamage();
                    if (status.ModifyTime.TotalNanoseconds != InputTime.Nanoseconds)
                        return false;
                    while (*at++ != 0)
                    {
                    }
                }
            }
            return true;
        }
        finally
        {
            _ = Libc.Close(tree);
        }
    }

    /// <summary>
    /// Says that it is not intact; throws where the last call failed for want of something, which
    /// says nothing about the tree.
    /// </summary>
    private bool IsDamage() => Errno.IsScarce(Errno.Last)
        ? throw DiskFault.Last($"cached tree {Path} cannot be looked at")
        : false;

    private bool Load()
    {
        if (TreeRecord.Read(RecordFile) is not { } record)
            return false;
        SetPaths(record.Paths);
        return true;
    }
}
