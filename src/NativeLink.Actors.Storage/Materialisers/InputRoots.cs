using NativeLink.Actors.Storage.DirectoryCache;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Filesystem.Index;
using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Storage.Materialisers;

/// <summary>
/// Makes input roots the fastest safe way that works here: an overlay over a cached tree of links
/// to the store's files, else reflinks, else copies. Hard links are used only when the
/// configuration forces them. One for all workers of a process; thread-safe.
/// </summary>
internal sealed class InputRoots : IInputRoots
{
    // About 140 bytes each: some 40 MB when no two trees share a directory, less otherwise.
    private const long KnownEntries = 300_000;

    private readonly InputRootsCounters _counters = new();

    private readonly ContentStore _store;
    private readonly UpperDirectories _uppers;
    private readonly TreeCache _cache;
    private readonly TreeConstruction _construction;
    private readonly TimeProvider _time;
    private readonly TimeSpan _maxCleanupWait;
    private readonly bool _sharesTrees;
    private readonly Func<Digest, string, ITreeSource, CancellationToken, Task<IInputRoot>> _materialise;

    private InputRoots(
        DirectoryCacheSettings settings, ContentStore store, UpperDirectories uppers, TreeCache cache,
        TimeProvider time)
    {
        (_store, _uppers, _cache) = (store, uppers, cache);
        var nodes = new DirectoryNodeCache(KnownEntries);
        var resolver = new TreeResolver(nodes, settings.Limits);
        _construction = new TreeConstruction(cache, nodes, resolver, store, FileMaking.Link, _counters);
        var (name, why, overlays) = MaterialiserChoice.Make(settings, store, cache, uppers);
        _sharesTrees = overlays is not null;
        (Materialiser, Description) = (name, $"input roots by {name}: {why}");
        // Where an upper layer cannot be on disk, a copy can.
        var plain = new PlainRoots(overlays is null ? name : "copy", nodes, resolver, store, uppers, _counters);
        _materialise = overlays is null
            ? plain.MaterialiseAsync
            : new OverlayRoots(cache, _construction, overlays, uppers, _counters, plain,
                path => store.TryFreeSpace(0, path), settings.OnWarning).MaterialiseAsync;
        (_time, _maxCleanupWait) = (time, settings.MaxCleanupWait);
        store.Quarantined += EvictTreesWith;
        store.Space.Wanted += cache.EvictUnused;
        if (store.QuarantinedAtOpen.Count > 0)
            EvictTreesWithAny([.. store.QuarantinedAtOpen]);
    }

    /// <inheritdoc/>
    public string Description { get; }

    /// <summary>What was chosen: <c>overlay</c>, <c>reflink</c>, <c>hardlink</c> or <c>copy</c>.</summary>
    public string Materialiser { get; }

    public InputRootsStatistics Statistics => _counters.Snapshot;

    /// <summary>Trees in the cache and the bytes of their files.</summary>
    public (int Count, long Bytes) CacheUsage => _cache.Usage;

    /// <summary>Bytes of memory that what running actions have written takes; nothing is walked.</summary>
    public long ScratchMemoryBytes => _uppers.MemoryBytes;

    /// <summary>Trees that wait to be deleted: what actions have left, and what the cache has evicted.</summary>
    public int Backlog => _uppers.Backlog + _cache.Backlog;

    /// <summary>Completes when nothing waits to be deleted.</summary>
    public Task Idle => Task.WhenAll(_uppers.Idle, _cache.Idle);

    /// <summary>Cached trees that something holds; 0 when no action runs.</summary>
    internal int PinnedTrees => _cache.Pinned;

    internal string CachePath => _cache.SlotPath;

    /// <summary>
    /// Opens the cache (trees of an earlier run are there again without
    /// being walked), cleans the upper directories of an earlier run's
    /// mounts and files, and chooses a materialiser by trying.
    /// </summary>
    /// <exception cref="FaultException">A directory cannot be used, or the forced materialiser does
    /// not work here; says which and why.</exception>
    public static InputRoots Open(DirectoryCacheSettings settings, ContentStore store, TimeProvider time)
    {
        var uppers = UpperDirectories.Open(settings);
        TreeCache? cache = null;
        try
        {
            cache = new TreeCache(settings, time);
            return new InputRoots(settings, store, uppers, cache, time);
        }
        catch
        {
            cache?.Dispose();
            uppers.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<IInputRoot> MaterialiseAsync(
        Digest root, string destination, ITreeSource source, CancellationToken cancellation)
    {
        try
        {
            await ThrottleAsync(destination, cancellation);
            return await _materialise(root, destination, source, cancellation);
        }
        catch (OperationCanceledException error)
        {
            throw new FaultException(FaultKind.Aborted, $"the making of input root {root} was cancelled", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(FaultKind.Storage, $"input root {destination} cannot be made: {error.Message}",
                error);
        }
    }

    /// <inheritdoc/>
    public bool IsCached(in Digest root) => _sharesTrees && _cache.Contains(root);

    /// <summary>Waits up to 5 s for deletions. Roots that are still in use have been disposed before.</summary>
    public void Dispose()
    {
        _store.Quarantined -= EvictTreesWith;
        _store.Space.Wanted -= _cache.EvictUnused;
        _cache.Dispose();
        _uppers.Dispose();
    }

    /// <summary>What is made faster than it can be deleted would fill the disk: it waits, for a while.</summary>
    private async Task ThrottleAsync(string destination, CancellationToken cancellation)
    {
        try
        {
            await _uppers.ThrottleAsync().WaitAsync(_maxCleanupWait, _time, cancellation);
        }
        catch (TimeoutException error)
        {
            var detail = $"input root {destination} cannot be made: {_uppers.Backlog} trees of ended actions wait " +
                $"to be deleted, and {_maxCleanupWait.TotalSeconds} s (max_cleanup_wait_s) did not help; " +
                "the disk is too slow, or holds trees that cannot be deleted";
            throw new FaultException(new Fault(FaultKind.Worker, detail)
            {
                Code = Grpc.Core.StatusCode.DeadlineExceeded,
            }, error);
        }
    }

    /// <summary>A corrupt blob is corrupt in every cached tree that links to it.</summary>
    private void EvictTreesWith(Digest blob) => EvictTreesWithAny([BlobIndex.KeyOf(blob)]);

    private void EvictTreesWithAny(HashSet<Digest> blobs)
    {
        foreach (var entry in _cache.PinAllAfterCorruption())
        {
            if (_construction.NodeOf(entry) is not { } node)
                _cache.EvictDamaged(entry, "a blob was corrupt, and its record does not say which blobs it has");
            else if (node.AllFiles().Select(static file => BlobIndex.KeyOf(file)).Where(blobs.Contains).Take(1)
                .ToArray() is [var corrupt])
                _cache.EvictDamaged(entry, $"blob {corrupt} was corrupt");
            _cache.Unpin(entry);
        }
    }
}
