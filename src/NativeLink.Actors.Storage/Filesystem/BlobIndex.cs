namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// What the store knows of its blobs, in memory: least recently used first, leased ones outside that order. Not safe for several threads at once:
/// the store's gate guards it.
/// </summary>
internal sealed class BlobIndex
{
    private readonly Dictionary<Digest, BlobEntry> _entries = [];
    private readonly LinkedList<BlobEntry> _idle = new();

    // All entries in no order, so that any one of them can be drawn.
    private readonly List<BlobEntry> _drawable = [];

    public long Bytes { get; private set; }

    /// <summary>Bytes that were ever added; never goes down.</summary>
    public long Added { get; private set; }

    public int Count => _entries.Count;

    public IEnumerable<Digest> Digests => _entries.Keys;

    /// <summary>
    /// The key of a blob. File names carry no digest function, and two functions never give two contents the same 32 bytes, so it is left out.
    /// </summary>
    public static Digest KeyOf(in Digest digest)
    {
        if (digest.Function == DigestFunction.Sha256)
            return digest;
        Span<byte> hash = stackalloc byte[Digest.HashLength];
        digest.CopyHashTo(hash);
        return Digest.FromHash(hash, digest.SizeBytes, DigestFunction.Sha256);
    }

    /// <summary>One of all entries; null when there are none.</summary>
    public BlobEntry? Draw(Random random) => _drawable.Count == 0 ? null : _drawable[random.Next(_drawable.Count)];

    public BlobEntry? Find(in Digest key) => _entries.GetValueOrDefault(key);

    /// <summary>Marks a use.</summary>
    public void Touch(BlobEntry entry, DateTimeOffset now)
    {
        entry.LastUse = now;
        if (entry.Leases > 0 || entry.Node.List is null || entry.Node == _idle.Last)
            return;
        _idle.Remove(entry.Node);
        _idle.AddLast(entry.Node);
    }

    /// <summary>Adds a blob that is not known yet, as the most recently used one.</summary>
    public BlobEntry Add(in Digest key, long bytes, DateTimeOffset lastUse)
    {
        var entry = new BlobEntry(key, bytes) { LastUse = lastUse };
        _entries.Add(key, entry);
        entry.Place = _drawable.Count;
        _drawable.Add(entry);
        _idle.AddLast(entry.Node);
        Bytes += bytes;
        Added += bytes;
        return entry;
    }

    public void AddTwin(BlobEntry entry, long bytes)
    {
        if (!entry.IsKnown || entry.TwinBytes != 0)
            return;
        entry.TwinBytes = bytes;
        Bytes += bytes;
    }

    public void RemoveTwin(BlobEntry entry)
    {
        if (!entry.IsKnown)
            return;
        Bytes -= entry.TwinBytes;
        entry.TwinBytes = 0;
    }

    public void Remove(BlobEntry entry)
    {
        if (!entry.IsKnown)
            return;
        entry.IsKnown = false;
        _entries.Remove(entry.Key);
        var last = _drawable[^1];
        (_drawable[entry.Place], last.Place) = (last, entry.Place);
        _drawable.RemoveAt(_drawable.Count - 1);
        if (entry.Node.List is not null)
            _idle.Remove(entry.Node);
        Bytes -= entry.Bytes + entry.TwinBytes;
    }

    /// <summary>Answers whether this is the only lease.</summary>
    public bool Lease(BlobEntry entry)
    {
        if (entry.Leases++ > 0)
            return false;
        if (entry.Node.List is not null)
            _idle.Remove(entry.Node);
        return true;
    }

    /// <summary>Answers whether this was the last lease.</summary>
    public bool Release(BlobEntry entry, DateTimeOffset now)
    {
        entry.LastUse = now;
        if (--entry.Leases > 0)
            return false;
        if (entry.IsKnown)
            _idle.AddLast(entry.Node);
        return true;
    }

    /// <summary>The blob to evict next, or null when all that is left is leased.</summary>
    public BlobEntry? Oldest => _idle.First?.Value;
}

/// <summary>One blob: accounted bytes, uses, leases.</summary>
internal sealed class BlobEntry
{
    public BlobEntry(in Digest key, long bytes)
    {
        (Key, Bytes) = (key, bytes);
        Node = new LinkedListNode<BlobEntry>(this);
    }

    public Digest Key { get; }

    public long Bytes { get; }

    /// <summary>Accounted bytes of the executable twin; 0 while there is none.</summary>
    public long TwinBytes { get; set; }

    public int Leases { get; set; }

    public DateTimeOffset LastUse { get; set; }

    /// <summary>The use that was last written to the file's access time, from which the order is taken after a restart.</summary>
    public DateTimeOffset PersistedUse { get; set; }

    public bool IsKnown { get; set; } = true;

    /// <summary>Where it stands among those that can be drawn.</summary>
    public int Place { get; set; }

    public LinkedListNode<BlobEntry> Node { get; }
}
