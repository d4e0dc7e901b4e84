using NativeLink.Actors.LocalCluster.BlobAccess;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster.Results;

/// <summary>
/// Results of the action cache that a client can really use: every output file, every tree and all
/// files in it, stdout and stderr are in the CAS (protos/README.md 2.7). What a tree holds is
/// cached, whether its files are there is asked each time. Asking counts as a use of each blob.
/// </summary>
internal sealed class CompletenessChecking(ActionCacheStore cache, ContentStore store) : IActionResults
{
    /// <summary>Digests cached for all trees together; some 50 MB at most.</summary>
    private const int MaxCachedDigests = 500_000;

    /// <summary>No output of a build comes near this: its entry would be some 3,000,000 files.</summary>
    private const long MaxTreeBytes = 256 << 20;

    private readonly Lock _lock = new();
    private readonly Dictionary<Digest, Digest[]> _trees = [];
    private readonly Queue<Digest> _treesByAge = [];
    private int _cachedDigests;

    /// <summary>The entry, if it is there and complete.</summary>
    public Reapi.ActionResult? Find(in Digest action)
    {
        var result = cache.TryGet(action);
        return result is not null && IsComplete(result, action.Function) ? result : null;
    }

    public ValueTask<Reapi.ActionResult?> FindCompleteAsync(
        string instanceName, Digest action, CancellationToken cancellation) =>
        ValueTask.FromResult(Find(action));

    private bool IsComplete(Reapi.ActionResult result, DigestFunction function)
    {
        foreach (var file in result.OutputFiles)
        {
            if (!IsHere(file.Digest, function))
                return false;
        }
        if (result.StdoutDigest is { } stdout && !IsHere(stdout, function))
            return false;
        if (result.StderrDigest is { } stderr && !IsHere(stderr, function))
            return false;
        foreach (var directory in result.OutputDirectories)
        {
            if (!IsTreeHere(directory, function))
                return false;
        }
        return true;
    }

    private bool IsHere(Reapi.Digest? wire, DigestFunction function) =>
        Digest.TryFromWire(wire, function, out var digest) && store.Contains(digest);

    private bool IsTreeHere(Reapi.OutputDirectory directory, DigestFunction function)
    {
        if (directory.RootDirectoryDigest is { } root && !IsDirectoryHere(root, function))
            return false;
        if (directory.TreeDigest is null)
            return directory.RootDirectoryDigest is not null;
        if (!Digest.TryFromWire(directory.TreeDigest, function, out var tree) || !store.Contains(tree))
            return false;
        return FilesOf(tree) is { } files && Array.TrueForAll(files, file => store.Contains(file));
    }

    private bool IsDirectoryHere(Reapi.Digest wire, DigestFunction function)
    {
        if (!Digest.TryFromWire(wire, function, out var root))
            return false;
        try
        {
            return TreePages.Walk(store, root).All(one => one.Directory is { } directory
                && directory.Files.All(file => IsHere(file.Digest, function)));
        }
        catch (Grpc.Core.RpcException)
        {
            return false;
        }
    }

    /// <summary>Digests of all files of a Tree; null when it is not one.</summary>
    private Digest[]? FilesOf(in Digest tree)
    {
        lock (_lock)
        {
            if (_trees.TryGetValue(tree, out var known))
                return known;
        }
        if (tree.IsEmpty)
            return [];
        using var file = tree.SizeBytes > MaxTreeBytes ? null : store.TryOpenRead(tree);
        return file is not null && TreeFiles.Read(file, tree.SizeBytes, tree.Function) is { } files
            ? AddTree(tree, files)
            : null;
    }

    private Digest[] AddTree(in Digest tree, Digest[] files)
    {
        lock (_lock)
        {
            if (files.Length >= MaxCachedDigests || !_trees.TryAdd(tree, files))
                return files;
            _treesByAge.Enqueue(tree);
            _cachedDigests += files.Length + 1;
            while (_cachedDigests > MaxCachedDigests && _treesByAge.TryDequeue(out var oldest)
                && _trees.Remove(oldest, out var dropped))
                _cachedDigests -= dropped.Length + 1;
        }
        return files;
    }
}
