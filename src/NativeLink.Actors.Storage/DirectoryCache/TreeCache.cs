using System.Collections.Concurrent;
using System.Globalization;

namespace NativeLink.Actors.Storage.DirectoryCache;

/// <summary>
/// Cached trees on disk. Each process has a slot of its own below the configured root, found by a
/// lock: several processes share the root without knowing of each other, and the next run finds the
/// trees of the last one. A tree is built aside and renamed into <c>trees/</c>; whatever has its
/// name there is complete, so that no index has to be kept and none can be wrong. Thread-safe.
/// </summary>
internal sealed partial class TreeCache : IDisposable
{
    private static readonly TimeSpan DeletionPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PersistUseAfter = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();

    // Changed under the gate. Looked into without it: the gate is held while trees are renamed, which a disk may delay.
    private readonly ConcurrentDictionary<Digest, TreeEntry> _entries = new();
    private readonly LinkedList<TreeEntry> _order = new();
    private readonly DirectoryCacheSettings _settings;
    private readonly TimeProvider _time;
    private readonly DirectoryLock _slot;
    private readonly string _path;
    private readonly DeletionQueue _deletions;
    private readonly string _boot = Storage.Boot.ReadId();
    private long _bytes;
    private long _copied;
    private long _next;
    private int _corruptions;
    private bool _warnedOfLimit;

    public TreeCache(DirectoryCacheSettings settings, TimeProvider time)
    {
        (_settings, _time) = (settings, time);
        try
        {
            Directory.CreateDirectory(settings.Root);
            (_slot, _path) = CacheSlots.Take(settings.Root, time);
            Directory.CreateDirectory(Path.Combine(_path, "trees"));
            Directory.CreateDirectory(Path.Combine(_path, "old"));
            _deletions = new DeletionQueue(Path.Combine(_path, "old"), settings.OnWarning);
            foreach (var unfinished in Directory.EnumerateDirectories(_path, "new-*").ToList())
                _deletions.Enqueue(unfinished);
            CacheSlots.HandOverDead(settings.Root, _path, time, _deletions.Enqueue);
            Adopt();
        }
        catch (Exception error)
        {
            _deletions?.Dispose();
            _slot?.Dispose();
            if (error is not (IOException or UnauthorizedAccessException))
                throw;
            throw new FaultException(
                FaultKind.Storage, $"directory cache {settings.Root} cannot be used: {error.Message}", error);
        }
    }

    /// <summary>This process's part.</summary>
    public string SlotPath => _path;

    public string Boot => _boot;

    public (int Count, long Bytes) Usage
    {
        get
        {
            lock (_gate)
                return (_entries.Count, _bytes);
        }
    }

    public int Pinned
    {
        get
        {
            lock (_gate)
                return _order.Count(static entry => entry.Pins > 0);
        }
    }

    /// <summary>Whether a delta and its base can both be kept.</summary>
    public bool HasRoomForDeltas => _settings.MaxEntries >= 2;

    public Task Idle => _deletions.Idle;

    public bool Contains(in Digest root) => _entries.ContainsKey(root);

    /// <summary>Pins a tree that is here; the caller unpins it.</summary>
    public TreeEntry? TryPin(in Digest root)
    {
        var now = _time.GetUtcNow();
        TreeEntry? entry;
        lock (_gate)
        {
            if (!_entries.TryGetValue(root, out entry))
                return null;
            entry.Pins++;
            Use(entry, now);
            if (entry.Below is not null)
                Use(entry.Below, now);
            if (now - entry.PersistedUse < PersistUseAfter)
                return entry;
            entry.PersistedUse = now;
        }
        PersistUse(entry, now);
        return entry;
    }

    /// <summary>One more pin on a tree that is pinned already.</summary>
    public void PinAgain(TreeEntry entry)
    {
        lock (_gate)
            entry.Pins++;
    }

    public void Unpin(TreeEntry entry)
    {
        lock (_gate)
            UnpinHeld(entry);
        EvictBeyondLimits();
    }

    /// <summary>The most recently used whole trees, pinned, as bases for a delta; the caller unpins them.</summary>
    public IReadOnlyList<TreeEntry> PinRecentWholeTrees(int count)
    {
        lock (_gate)
        {
            var found = new List<TreeEntry>();
            for (var node = _order.Last; node is not null && found.Count < count; node = node.Previous)
            {
                if (node.Value.Below is null)
                    found.Add(node.Value);
            }
            found.ForEach(static entry => entry.Pins++);
            return found;
        }
    }

    /// <summary>
    /// A new temporary directory in which a tree can be built; give
    /// it to <see cref="TryInsert"/> or <see cref="Discard"/>.
    /// </summary>
    public string NewTemporary()
    {
        var path = Path.Combine(
            _path, string.Create(CultureInfo.InvariantCulture, $"new-{Interlocked.Increment(ref _next)}"));
        try
        {
            Directory.CreateDirectory(Path.Combine(path, "t"));
            return path;
        }
        catch
        {
            Discard(path);
            throw;
        }
    }

    public void Discard(string temporary) => _deletions.Enqueue(temporary);

    /// <summary>Puts a finished tree, its record written, into its place; it is pinned once for the caller.</summary>
    /// <param name="corruptions"><see cref="Corruptions"/> as it was before the first file was linked.</param>
    /// <returns>The tree that has its place: this one, or one that was put there meanwhile. Null
    /// when the tree may hold a blob that was found corrupt since, itself or in what it lies over;
    /// <paramref name="temporary"/> is then the caller's still.</returns>
    public TreeEntry? TryInsert(in Digest root, string temporary, TreeRecord record, TreeEntry? below, int corruptions)
    {
        var entry = new TreeEntry(root, PathOf(root), record.Bytes, below)
        {
            CopiedBytes = record.CopiedBytes,
            Pins = 1,
            LastUse = _time.GetUtcNow(),
        };
        entry.SetPaths(record.Paths);
        lock (_gate)
        {
            if (corruptions != _corruptions || below?.IsEvicted == true)
                return null;
            if (_entries.TryGetValue(root, out var known))
            {
                // Made twice at the same time. Somebody may be about to mount the first, so that stays where it is.
                known.Pins++;
                Use(known, entry.LastUse);
                Discard(temporary);
                return known;
            }
            if (Libc.RenameAt(Libc.AtFdCwd, temporary, Libc.AtFdCwd, entry.Path) != 0)
                throw DiskFault.Last($"cached tree {entry.Path} cannot be put into place");
            Add(entry);
        }
        EvictBeyondLimits();
        return entry;
    }

    /// <summary>
    /// Takes a damaged tree, and what lies over it, out of the
    /// cache; actions that run on it keep it until they end.
    /// </summary>
    public void EvictDamaged(TreeEntry entry, string why)
    {
        lock (_gate)
        {
            if (!entry.IsEvicted)
                _settings.OnWarning?.Invoke($"cached tree {entry.Path} is dropped and will be built again: {why}");
            Evict(entry);
        }
    }

    /// <summary>Whether a pinned tree has been dropped, and so moved, since it was pinned.</summary>
    public bool HasEvicted(TreeEntry entry)
    {
        lock (_gate)
            return entry.IsEvicted;
    }

    /// <summary>How often a blob was found corrupt.</summary>
    public int Corruptions
    {
        get
        {
            lock (_gate)
                return _corruptions;
        }
    }

    /// <summary>
    /// A blob was found corrupt: every tree in the cache, pinned, to be verified; the caller unpins
    /// them. What is being made stays out.
    /// </summary>
    public IReadOnlyList<TreeEntry> PinAllAfterCorruption()
    {
        lock (_gate)
        {
            _corruptions++;
            foreach (var entry in _order)
                entry.Pins++;
            return [.. _order];
        }
    }

    /// <summary>Trees that wait to be deleted.</summary>
    public int Backlog => _deletions.Backlog;

    /// <summary>
    /// Evicts trees that nobody uses, the least recently used first, and waits for a while until their files are gone.
    /// False when there are none on that disk.
    /// </summary>
    public bool EvictUnused(Disk disk, long bytes)
    {
        if (!disk.Has(_path))
            return false;
        lock (_gate)
        {
            var (before, count) = (_bytes, _entries.Count);
            EvictWhile(() => before - _bytes < bytes);
            if (_entries.Count == count)
                return false;
        }
        _deletions.Idle.Wait(DeletionPatience);
        return true;
    }

    public void Dispose()
    {
        _deletions.Dispose();
        _slot.Dispose();
    }

    /// <summary>The trees of the last run: a directory listing and the head of each record.</summary>
    private void Adopt()
    {
        var found = new List<(Digest Root, string Path, TreeRecord.Header Header, DateTimeOffset Used)>();
        foreach (var path in Directory.EnumerateDirectories(Path.Combine(_path, "trees")))
        {
            var record = Path.Combine(path, "record");
            if (TryParseName(Path.GetFileName(path), out var root) && TreeRecord.ReadHeader(record) is { } header)
                found.Add((root, path, header, File.GetLastWriteTimeUtc(record)));
            else
                _deletions.Enqueue(path);
        }
        foreach (var (root, path, header, used) in found.OrderBy(static tree => tree.Header.Base is not null)
            .ThenBy(static tree => tree.Used))
        {
            TreeEntry? below = null;
            if (header.Base is { } wanted && !_entries.TryGetValue(wanted, out below))
                _deletions.Enqueue(path);
            else
                Add(new TreeEntry(root, path, header.Bytes, below)
                {
                    CopiedBytes = header.CopiedBytes,
                    IsUnverified = header.Boot != _boot,
                    LastUse = used,
                    PersistedUse = used,
                });
        }
        EvictBeyondLimits();
    }

    private void Add(TreeEntry entry)
    {
        _entries[entry.Root] = entry;
        var place = _order.Last;
        while (place is not null && place.Value.LastUse > entry.LastUse)
            place = place.Previous;
        entry.Node = place is null ? _order.AddFirst(entry) : _order.AddAfter(place, entry);
        _bytes += entry.Bytes;
        _copied += entry.CopiedBytes;
        if (entry.Below is not null)
            entry.Below.Pins++;
    }

    private void Use(TreeEntry entry, DateTimeOffset now)
    {
        entry.LastUse = now;
        if (entry.Node is not { List: not null } node)
            return;
        _order.Remove(node);
        _order.AddLast(node);
    }

    private string PathOf(in Digest root) =>
        Path.Combine(_path, "trees",
            string.Create(CultureInfo.InvariantCulture, $"{root.Function.LowerName()}-{root.Hash}-{root.SizeBytes}"));

    private static bool TryParseName(string name, out Digest root)
    {
        root = default;
        return name.Split('-') is [var function, var hash, var size]
            && long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes)
            && Digest.TryParse(hash, bytes, function == "blake3" ? DigestFunction.Blake3 : DigestFunction.Sha256,
                out root);
    }

    private static void PersistUse(TreeEntry entry, DateTimeOffset now)
    {
        try
        {
            File.SetLastWriteTimeUtc(entry.RecordFile, now.UtcDateTime);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The order after a restart is a matter of speed only.
        }
    }
}
