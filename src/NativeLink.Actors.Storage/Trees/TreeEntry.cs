using NativeLink.Actors.Storage.Native;

namespace NativeLink.Actors.Storage.Trees;

/// <summary>One cached tree, whole or as a delta over another. The cache's gate guards what changes.</summary>
internal sealed class TreeEntry(Digest root, string path, long bytes, TreeEntry? below)
{
    private byte[]? _paths;
    private long[]? _times;

    public Digest Root { get; } = root;

    /// <summary>Its directory in the cache; holds <c>t</c>, the tree, and <c>record</c>.</summary>
    public string Path { get; set; } = path;

    public string Tree => System.IO.Path.Combine(Path, "t");

    public string RecordFile => System.IO.Path.Combine(Path, "record");

    public long Bytes { get; } = bytes;

    public TreeEntry? Below { get; } = below;

    /// <summary>Actions that run on it, deltas over it, constructions that hold it.</summary>
    public int Pins { get; set; }

    /// <summary>Out of the cache; goes with its last pin.</summary>
    public bool IsDoomed { get; set; }

    /// <summary>Made before the machine was restarted and not looked through since.</summary>
    public bool IsUnproven { get; set; }

    public DateTimeOffset LastUse { get; set; }

    public DateTimeOffset PersistedUse { get; set; }

    public LinkedListNode<TreeEntry>? Node { get; set; }

    /// <summary>Layers for an overlay, the topmost first.</summary>
    public IReadOnlyList<string> Layers => Below is null ? [Tree] : [Tree, Below.Tree];

    public void Remember(byte[] paths, long[] times) => (_paths, _times) = (paths, times);

    /// <summary>
    /// Whether every directory still is as it was made: whoever adds, removes or renames something in a directory changes its modification time.
    /// About a microsecond a directory.
    /// </summary>
    public unsafe bool IsIntact()
    {
        if (_paths is null && !Load())
            return false;
        var tree = Libc.Open(Tree, Libc.ReadOnly | Libc.DirectoryOnly | Libc.CloseOnExec, 0);
        if (tree < 0)
            return false;
        try
        {
            fixed (byte* paths = _paths)
            {
                var at = paths;
                foreach (var time in _times!)
                {
                    if (Libc.StatxAtRaw(tree, at, Libc.AtSymlinkNoFollow, Libc.StatxModifyTime, out var status) != 0 || status.ModifyTime.TotalNanoseconds != time)
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

    private bool Load()
    {
        if (TreeRecord.Read(RecordFile) is not { } record)
            return false;
        Remember(record.Paths, record.Times);
        return true;
    }
}
