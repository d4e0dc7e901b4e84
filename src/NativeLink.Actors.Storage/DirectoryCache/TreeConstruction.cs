using System.Runtime.ExceptionServices;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Storage.DirectoryCache;

/// <summary>
/// Builds a tree in the cache: whole, or as a delta
/// over a cached tree that differs from it in little.
/// </summary>
internal sealed class TreeConstruction(
    TreeCache cache, DirectoryNodeCache nodes, TreeResolver resolver, ContentStore store, FileMaking making,
    InputRootsCounters counters)
{
    private const int Attempts = 4;
    private const int BasesToTry = 6;
    private const int SmallDelta = 32;

    // Above this part of the tree a delta saves little and every look-up in it goes through two layers.
    private const int LargestDeltaDivisor = 4;

    /// <summary>
    /// Builds and inserts; the answer is pinned once. Begins
    /// anew when a blob is found corrupt in the meantime.
    /// </summary>
    public async Task<TreeEntry> BuildAsync(Digest root, ITreeSource source, CancellationToken cancellation)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            if (await TryBuildAsync(root, source, cancellation) is { } built)
                return built;
        }
        throw new FaultException(
            FaultKind.Storage,
            $"the tree of input root {root} cannot be made: blobs of the local store were found corrupt {Attempts} " +
            "times while it was; check the disk");
    }

    private async Task<TreeEntry?> TryBuildAsync(Digest root, ITreeSource source, CancellationToken cancellation)
    {
        var corruptions = cache.Corruptions;
        var bases = cache.HasRoomForDeltas ? cache.PinRecentWholeTrees(BasesToTry) : [];
        try
        {
            if (nodes.Find(root) is null)
            {
                // After a restart the directories of the last trees are on disk; whoever changed
                // one file should not have to ask for all the others.
                foreach (var entry in bases)
                    NodeOf(entry);
            }
            var (node, asked) = await resolver.ResolveAsync(root, source, cancellation);
            counters.AddDirectories(asked, node.Size.Directories);
            var (below, old) = ChooseBase(node, bases);
            // Those that do not serve can be evicted to free space.
            foreach (var entry in bases.Where(entry => entry != below))
                cache.Unpin(entry);
            bases = below is null ? [] : [below];
            var files = new HashSet<Digest>();
            if (old is null)
                files = node.AllFiles();
            else
                TreeDelta.CollectFiles(old, node, files);
            nodes.Retain(node);
            return await WithFilesAsync(files, source,
                () => BuildFreeingSpace(node, below, old, files, corruptions, cancellation), cancellation);
        }
        finally
        {
            foreach (var entry in bases)
                cache.Unpin(entry);
        }
    }

    /// <summary>
    /// Fetches, does the work while all is leased, and does both
    /// once more when a file has vanished from the disk in between.
    /// </summary>
    public static async Task<T> WithFilesAsync<T>(
        IReadOnlyCollection<Digest> files, ITreeSource source, Func<T> work, CancellationToken cancellation)
    {
        for (var attempt = 0; ; attempt++)
        {
            using var leases = files.Count == 0 ? null : await source.FetchAsync(files, cancellation);
            try
            {
                return work();
            }
            catch (BlobVanishedException) when (attempt == 0)
            {
                // Fetched again above: the store has forgotten it by now.
            }
            catch (BlobVanishedException error)
            {
                throw new FaultException(FaultKind.Storage, error.Message, error);
            }
        }
    }

    /// <summary>Whether all files of a cached tree are what they should be.</summary>
    public bool Verifies(TreeEntry entry) => NodeOf(entry) is { } node
        && new TreeVerification(store.Links).Matches(node, entry, NodeOf);

    /// <summary>
    /// The tree of an entry in memory, from its record where it
    /// is not known any more; null when the record is damaged.
    /// </summary>
    public DirectoryNode? NodeOf(TreeEntry entry)
    {
        if (nodes.Find(entry.Root) is { } known)
            return known;
        var below = entry.Below is null ? null : NodeOf(entry.Below);
        if ((entry.Below is not null && below is null)
            || TreeRecord.Read(entry.RecordFile)?.Join(entry.Root, nodes, below) is not { } node)
            return null;
        nodes.Retain(node);
        return node;
    }

    private (TreeEntry? Below, DirectoryNode? Old) ChooseBase(DirectoryNode node, IReadOnlyList<TreeEntry> bases)
    {
        var limit = Math.Max(SmallDelta, node.Size.Entries / LargestDeltaDivisor);
        (TreeEntry? Below, DirectoryNode? Old) best = default;
        foreach (var entry in bases)
        {
            if (limit < 0 || entry.IsUnverified || nodes.Find(entry.Root) is not { } old)
                continue;
            // A delta that replaces most of a small tree is no delta.
            var cost = TreeDelta.Cost(old, node, limit);
            if (cost > limit || cost >= node.Size.Entries || !entry.IsIntact())
                continue;
            (best, limit) = ((entry, old), cost - 1);
        }
        return best;
    }

    /// <summary>
    /// Directories, symbolic links and records take space on the disk too: where it is full, the
    /// build is made once more after some was freed.
    /// </summary>
    private TreeEntry? BuildFreeingSpace(
        DirectoryNode node, TreeEntry? below, DirectoryNode? old, HashSet<Digest> files, int corruptions,
        CancellationToken cancellation)
    {
        ExceptionDispatchInfo full;
        try
        {
            return Build(node, below, old, files, corruptions, cancellation);
        }
        catch (Exception error) when (DiskFault.IsFull(error))
        {
            full = ExceptionDispatchInfo.Capture(error);
        }
        // Here: what was built is gone and no lock is held any more.
        if (!store.Space.TryFree(0, cache.SlotPath))
            full.Throw();
        return Build(node, below, old, files, corruptions, cancellation);
    }

    private TreeEntry? Build(
        DirectoryNode node, TreeEntry? below, DirectoryNode? old, HashSet<Digest> files, int corruptions,
        CancellationToken cancellation)
    {
        var temporary = cache.NewTemporary();
        TreeEntry? entry = null;
        try
        {
            var writer = new TreeWriter(store.Links, making, old is null ? null : below!.FingerprintsOf(old),
                cancellation);
            var tree = Path.Combine(temporary, "t");
            if (old is null)
                writer.WriteTree(node, tree);
            else
                writer.WriteDelta(old, node, tree);
            var record = new TreeRecord
            {
                Boot = cache.Boot,
                Base = below?.Root,
                Bytes = files.Sum(static file => file.SizeBytes),
                CopiedBytes = writer.CopiedBytes,
                Paths = writer.Paths,
                Nodes = TreeRecord.NodesOf(node, old),
            };
            record.Write(Path.Combine(temporary, "record"));
            counters.AddBuild(old is not null);
            entry = cache.TryInsert(node.Digest, temporary, record, below, corruptions);
            return entry;
        }
        finally
        {
            if (entry is null)
                cache.Discard(temporary);
        }
    }
}
