namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// What the store knows of its blobs, in memory: least recently used first, leased ones outside that order. Not safe for several threads at once:
/// the store's gate guards it.
/// </summary>
internal sealed class BlobIndex
{
    private readonly Dictionary<Digest, BlobEntry> _entries = [];
    private readonly LinkedList<BlobEntry> _idle = new();

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

    public void Remove(BlobEntry entry)
    {
        if (!entry.IsKnown)
            return;
        entry.IsKnown = false;
        _entries.Remove(entry.Key);
        if (entry.Node.List is not null)
            _idle.Remove(entry.Node);
        Bytes -= entry.Bytes + entry.TwinBytes;
    }

    public void Lease(BlobEntry entry)
    {
        if (entry.Leases++ == 0 && entry.Node.List is not null)
            _idle.Remove(entry.Node);
    }

    public void Release(BlobEntry entry, DateTimeOffset now)
    {
        entry.LastUse = now;
        if (--entry.Leases == 0 && entry.IsKnown)
            _idle.AddLast(entry.Node);
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

    public LinkedListNode<BlobEntry> Node { get; }
}
