using Google.Protobuf;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>
/// Makes the Tree of an output directory: root first, then each different directory below it once,
/// parents before children, always in the same order (REAPI Tree and
/// <c>is_topologically_sorted</c>; protos/README.md 4.6).
/// </summary>
internal sealed class TreeBuilder
{
    private readonly DigestFunction _function;
    private readonly List<(Digest Digest, ByteString Bytes)> _order = [];
    private readonly Dictionary<Digest, Reapi.Directory> _directories = [];
    private readonly Dictionary<ScannedDirectory, Digest> _visited = [];

    private TreeBuilder(DigestFunction function) => _function = function;

    /// <param name="Bytes">The encoded Tree.</param>
    /// <param name="Directories">Root and descendants as blobs of their own.</param>
    public sealed record Result(
        Digest Digest, ByteString Bytes, Digest Root, IReadOnlyList<(Digest Digest, ByteString Bytes)> Directories);

    /// <summary>All files have been hashed.</summary>
    public static Result Build(ScannedDirectory root, DigestFunction function)
    {
        var builder = new TreeBuilder(function);
        var digest = builder.Visit(root);
        builder._order.Reverse();
        var tree = new Reapi.Tree { Root = builder._directories[digest] };
        tree.Children.AddRange(builder._order.Skip(1).Select(entry => builder._directories[entry.Digest]));
        var bytes = tree.ToByteString();
        return new Result(BlobHasher.Compute(bytes.Span, function), bytes, digest, builder._order);
    }

    /// <summary>
    /// Directories in the order in which they were left: reversed, every parent stands before its
    /// children, also where equal directories were met in several places. Siblings are visited from
    /// the last to the first so that the reversed order is that of their names.
    /// </summary>
    private Digest Visit(ScannedDirectory scanned)
    {
        // What several links lead to stands in several places.
        if (_visited.TryGetValue(scanned, out var visited))
            return visited;
        var children = new Digest[scanned.Directories.Count];
        for (var i = children.Length - 1; i >= 0; i--)
            children[i] = Visit(scanned.Directories[i].Directory);
        var directory = new Reapi.Directory { NodeProperties = scanned.Properties };
        foreach (var (name, file) in scanned.Files)
        {
            directory.Files.Add(new Reapi.FileNode
            {
                Name = name,
                Digest = file.Digest.ToWire(),
                IsExecutable = file.Executable,
                NodeProperties = file.Properties,
            });
        }
        for (var i = 0; i < children.Length; i++)
            directory.Directories.Add(new Reapi.DirectoryNode
            {
                Name = scanned.Directories[i].Name,
                Digest = children[i].ToWire(),
            });
        foreach (var (name, link) in scanned.Links)
            directory.Symlinks.Add(new Reapi.SymlinkNode
            {
                Name = name,
                Target = link.Target,
                NodeProperties = link.Properties,
            });
        var bytes = directory.ToByteString();
        var digest = BlobHasher.Compute(bytes.Span, _function);
        if (_directories.TryAdd(digest, directory))
            _order.Add((digest, bytes));
        return _visited[scanned] = digest;
    }
}
