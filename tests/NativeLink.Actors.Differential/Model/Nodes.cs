namespace NativeLink.Actors.Differential.Model;

/// <summary>What a name stands for in a model of a file system.</summary>
internal abstract class Node
{
    public abstract Node Copy();
}

/// <param name="content">Never changed in place.</param>
/// <param name="mode">Permission bits.</param>
/// <param name="own">Whether an action may change it in place: made by itself, or an input that is
/// promised an inode of its own.</param>
internal sealed class FileItem(byte[] content, uint mode, bool own) : Node
{
    public byte[] Content { get; } = content;

    public uint Mode { get; set; } = mode;

    public bool Own { get; } = own;

    public bool IsExecutable => (Mode & 0x49) != 0;

    public override Node Copy() => new FileItem(Content, Mode, Own);
}

internal sealed class DirectoryItem(uint mode) : Node
{
    public uint Mode { get; } = mode;

    /// <summary>In the order of the bytes of the names.</summary>
    public SortedDictionary<string, Node> Entries { get; } = new(ByteOrder.Instance);

    public override DirectoryItem Copy()
    {
        var copy = new DirectoryItem(Mode);
        foreach (var (name, node) in Entries)
            copy.Entries.Add(name, node.Copy());
        return copy;
    }
}

/// <param name="target">The text; for a link that the action makes absolute, relative to the input root.</param>
/// <param name="rooted">Whether the text on disk is the input root's own path and then the target.</param>
internal sealed class LinkItem(string target, bool rooted = false) : Node
{
    public string Target { get; } = target;

    public bool Rooted { get; } = rooted;

    public override Node Copy() => this;
}

/// <summary>A fifo.</summary>
internal sealed class PipeItem : Node
{
    public override Node Copy() => this;
}

/// <summary>Names in the order of their UTF-8 bytes, as REAPI sorts them.</summary>
internal sealed class ByteOrder : IComparer<string>
{
    public static readonly ByteOrder Instance = new();

    public int Compare(string? x, string? y) =>
        System.Text.Encoding.UTF8.GetBytes(x!).AsSpan().SequenceCompareTo(System.Text.Encoding.UTF8.GetBytes(y!));
}
