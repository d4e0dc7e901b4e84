using System.Security.Cryptography;
using System.Text;
using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Storage.DirectoryCache;

/// <summary>
/// The file beside a cached tree that says what it is: written last, before the whole is renamed
/// into place, so that a tree under its own name is complete. Ends with a SHA-256 of all before it.
/// </summary>
internal sealed record TreeRecord
{
    private const string Magic = "nativelink-actors tree 2";

    public required string Boot { get; init; }

    /// <summary>The tree below a delta; null for a whole tree.</summary>
    public required Digest? Base { get; init; }

    /// <summary>Bytes of its files, each blob once.</summary>
    public required long Bytes { get; init; }

    /// <summary>Bytes of the copies beside them, which the disk holds for this tree alone.</summary>
    public long CopiedBytes { get; init; }

    /// <summary>Paths of its directories, each ended by NUL.</summary>
    public required byte[] Paths { get; init; }

    /// <summary>The directories that the base does not have, children before parents.</summary>
    public required IReadOnlyList<DirectoryNode> Nodes { get; init; }

    public void Write(string path)
    {
        var buffer = new MemoryStream();
        using (var writer = new BinaryWriter(buffer, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(Magic);
            writer.Write(Boot);
            writer.Write(Base is not null);
            WriteDigest(writer, Base ?? default);
            writer.Write(Bytes);
            writer.Write(CopiedBytes);
            writer.Write(Paths.Length);
            writer.Write(Paths);
            writer.Write(Nodes.Count);
            foreach (var node in Nodes)
                WriteNode(writer, node);
        }
        buffer.Write(SHA256.HashData(buffer.GetBuffer().AsSpan(0, (int)buffer.Length)));
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        RandomAccess.Write(file, buffer.GetBuffer().AsSpan(0, (int)buffer.Length), 0);
    }

    /// <summary>What start-up needs.</summary>
    public readonly record struct Header(string Boot, Digest? Base, long Bytes, long CopiedBytes);

    /// <summary>The head alone; null when it is no record.</summary>
    public static Header? ReadHeader(string path)
    {
        try
        {
            using var reader = new BinaryReader(File.OpenRead(path), Encoding.UTF8);
            return ReadHeader(reader);
        }
        catch (Exception error) when (IsDamage(error))
        {
            return null;
        }
    }

    /// <summary>All of it; null when it is damaged. The nodes are not complete yet.</summary>
    public static TreeRecord? Read(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            if (bytes.Length < 32 || !SHA256.HashData(bytes.AsSpan(0, bytes.Length - 32)).AsSpan()
                .SequenceEqual(bytes.AsSpan(bytes.Length - 32)))
                return null;
            using var reader = new BinaryReader(new MemoryStream(bytes), Encoding.UTF8);
            if (ReadHeader(reader) is not { } header)
                return null;
            return new TreeRecord
            {
                Boot = header.Boot,
                Base = header.Base,
                Bytes = header.Bytes,
                CopiedBytes = header.CopiedBytes,
                Paths = reader.ReadBytes(reader.ReadInt32()),
                Nodes = ReadMany(reader, ReadNode),
            };
        }
        catch (Exception error) when (IsDamage(error))
        {
            return null;
        }
    }

    /// <summary>Reads a base's and its own nodes into one tree; null when something is not there.</summary>
    public DirectoryNode? Join(in Digest root, DirectoryNodeCache nodes, DirectoryNode? below)
    {
        var known = new Dictionary<Digest, DirectoryNode>();
        if (below is not null)
            AddAll(below, known);
        foreach (var node in Nodes)
        {
            var children = new DirectoryNode[node.Directories.Length];
            for (var i = 0; i < children.Length; i++)
            {
                if (!known.TryGetValue(node.Directories[i].Digest, out var child))
                    return null;
                children[i] = child;
            }
            node.Complete(children);
            known[node.Digest] = nodes.Intern(node);
        }
        return known.GetValueOrDefault(root);
    }

    /// <summary>
    /// The directories of a tree that another does not have at their place, children before
    /// parents. What is the same in both is not walked, so that a delta costs what changed.
    /// </summary>
    public static IReadOnlyList<DirectoryNode> NodesOf(DirectoryNode root, DirectoryNode? below)
    {
        var seen = new HashSet<Digest>();
        var found = new List<DirectoryNode>();
        Visit(root, below);
        return found;

        void Visit(DirectoryNode node, DirectoryNode? old)
        {
            if (node.Digest == old?.Digest || !seen.Add(node.Digest))
                return;
            if (old is null)
            {
                foreach (var child in node.Children!)
                    Visit(child, null);
            }
            else
            {
                foreach (var (_, before, after) in TreeDelta.ChangedDirectories(old, node))
                    Visit(after, before);
            }
            found.Add(node);
        }
    }

    private static void AddAll(DirectoryNode root, Dictionary<Digest, DirectoryNode> known)
    {
        if (!known.TryAdd(root.Digest, root))
            return;
        foreach (var child in root.Children!)
            AddAll(child, known);
    }

    /// <summary>A file that cannot be opened for want of a descriptor or memory is not damaged.</summary>
    private static bool IsDamage(Exception error) =>
        error is UnauthorizedAccessException or ArgumentException
            || (error is IOException io && !Errno.IsScarce(Errno.Of(io)));

    private static Header? ReadHeader(BinaryReader reader)
    {
        if (reader.ReadString() != Magic)
            return null;
        var boot = reader.ReadString();
        var hasBase = reader.ReadBoolean();
        var below = ReadDigest(reader);
        return new Header(boot, hasBase ? below : null, reader.ReadInt64(), reader.ReadInt64());
    }

    private static T[] ReadMany<T>(BinaryReader reader, Func<BinaryReader, T> readOne)
    {
        var items = new T[reader.ReadInt32()];
        for (var i = 0; i < items.Length; i++)
            items[i] = readOne(reader);
        return items;
    }

    private static void WriteNode(BinaryWriter writer, DirectoryNode node)
    {
        WriteDigest(writer, node.Digest);
        writer.Write(node.Files.Length);
        foreach (var file in node.Files)
        {
            writer.Write(file.Name);
            WriteDigest(writer, file.Digest);
            writer.Write(
                (byte)((file.Executable ? 1 : 0) | (file.Mode is null ? 0 : 2)
                    | (file.ModifiedNanoseconds is null ? 0 : 4)));
            if (file.Mode is { } mode)
                writer.Write(mode);
            if (file.ModifiedNanoseconds is { } modified)
                writer.Write(modified);
        }
        writer.Write(node.Directories.Length);
        foreach (var child in node.Directories)
        {
            writer.Write(child.Name);
            WriteDigest(writer, child.Digest);
        }
        writer.Write(node.Symlinks.Length);
        foreach (var link in node.Symlinks)
        {
            writer.Write(link.Name);
            writer.Write(link.Target);
        }
    }

    private static DirectoryNode ReadNode(BinaryReader reader) => new(
        ReadDigest(reader),
        ReadMany(reader, ReadFile),
        ReadMany(reader, static from => new ChildItem(from.ReadString(), ReadDigest(from))),
        ReadMany(reader, static from => new SymlinkItem(from.ReadString(), from.ReadString())));

    private static FileItem ReadFile(BinaryReader reader)
    {
        var (name, digest, flags) = (reader.ReadString(), ReadDigest(reader), reader.ReadByte());
        return new FileItem(name, digest, (flags & 1) != 0, (flags & 2) != 0 ? reader.ReadUInt32() : null,
            (flags & 4) != 0 ? reader.ReadInt64() : null);
    }

    private static void WriteDigest(BinaryWriter writer, in Digest digest)
    {
        Span<byte> hash = stackalloc byte[Digest.HashLength];
        digest.CopyHashTo(hash);
        writer.Write((byte)digest.Function);
        writer.Write(hash);
        writer.Write(digest.SizeBytes);
    }

    private static Digest ReadDigest(BinaryReader reader)
    {
        var function = reader.ReadByte() == (byte)DigestFunction.Blake3 ? DigestFunction.Blake3 : DigestFunction.Sha256;
        var hash = reader.ReadBytes(Digest.HashLength);
        return Digest.FromHash(hash, reader.ReadInt64(), function);
    }
}
