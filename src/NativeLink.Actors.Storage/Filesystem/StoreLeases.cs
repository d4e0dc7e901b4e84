namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// Leases on blobs, which nobody evicts while they last: not this process, whose index knows them, nor others, whom the board tells. What begins or
/// ends one is called under the store's gate.
/// </summary>
internal sealed class StoreLeases(Lock gate, BlobIndex index, LeaseBoard board, StorePaths paths, TimeProvider time, Action whenReleased)
{
    /// <summary>Leases a blob that is known; false when another process has evicted it, and then it is forgotten.</summary>
    public bool TryBegin(BlobEntry entry)
    {
        if (!index.Lease(entry) || !Announce(entry.Key) || paths.Has(entry.Key))
            return true;
        End(entry, entry.LastUse);
        index.Remove(entry);
        return false;
    }

    /// <summary>Lets other processes know of a lease before anything relies on it. Whether there are any.</summary>
    public bool Announce(in Digest key)
    {
        board.Add(key);
        var hasOthers = board.Publish();
        Interlocked.MemoryBarrier();
        return hasOthers;
    }

    /// <summary>Leases a blob whose lease was announced before its file came to its place.</summary>
    public void BeginAnnounced(BlobEntry entry)
    {
        // One announcement stands for all leases of a blob.
        if (!index.Lease(entry))
            board.Remove(entry.Key);
    }

    /// <summary>An announced lease that did not come about.</summary>
    public void Retract(in Digest key) => board.Remove(key);

    /// <summary>Ends the leases, once, when it is disposed.</summary>
    public IDisposable Handle(IReadOnlyList<BlobEntry> entries) => new Lease(this, entries);

    private void End(BlobEntry entry, DateTimeOffset now)
    {
        if (index.Release(entry, now))
            board.Remove(entry.Key);
    }

    private sealed class Lease(StoreLeases owner, IReadOnlyList<BlobEntry> entries) : IDisposable
    {
        private IReadOnlyList<BlobEntry>? _entries = entries;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _entries, null) is { Count: > 0 } held)
                owner.End(held);
        }
    }

    private void End(IReadOnlyList<BlobEntry> held)
    {
        var now = time.GetUtcNow();
        lock (gate)
        {
            foreach (var entry in held)
                End(entry, now);
        }
        whenReleased();
    }
}
