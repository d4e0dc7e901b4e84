using NativeLink.Actors.Storage.Filesystem.Index;
using NativeLink.Actors.Storage.Filesystem.Layout;

namespace NativeLink.Actors.Storage.Filesystem.Leases;

/// <summary>
/// Leases on blobs, which nobody evicts while they last: not this process, whose index knows them,
/// nor others, whom the board tells. What begins or ends one is called under the store's gate.
/// </summary>
internal sealed class StoreLeases(
    Lock gate, BlobIndex index, LeaseBoard board, ProcessPresence presence, StorePaths paths, TimeProvider time,
    Action whenReleased)
{
    /// <summary>
    /// Leases a blob that is known; false when another
    /// process has evicted it, and then it leaves the index.
    /// </summary>
    public bool TryBegin(BlobEntry entry)
    {
        Begin(entry);
        try
        {
            Publish();
            if (!presence.HasOthers || paths.Has(entry.Key))
                return true;
        }
        catch
        {
            Abandon(entry);
            throw;
        }
        ReleaseMissing(entry);
        return false;
    }

    /// <summary>
    /// Leases a blob that is known. Others hear of it from <see cref="Publish"/>, after which its
    /// file has to be looked for.
    /// </summary>
    public void Begin(BlobEntry entry)
    {
        // One announcement stands for all leases of a blob.
        if (index.Lease(entry))
            board.Add(entry.Key);
    }

    /// <summary>Lets other processes know of leases before anything relies on them.</summary>
    public void Publish()
    {
        board.Publish();
        Interlocked.MemoryBarrier();
    }

    /// <summary>
    /// Ends the lease of a blob that another process had
    /// evicted before, and takes it out of the index.
    /// </summary>
    public void ReleaseMissing(BlobEntry entry)
    {
        index.Remove(entry);
        End(entry, time.GetUtcNow());
        board.Publish();
    }

    /// <summary>Ends a lease that did not come about because something behind it went wrong.</summary>
    public void Abandon(BlobEntry entry)
    {
        End(entry, time.GetUtcNow());
        board.Publish();
    }

    /// <summary>Lets other processes know of a lease before the blob's file comes to its place.</summary>
    public void Announce(in Digest key)
    {
        board.Add(key);
        Publish();
    }

    /// <summary>Leases a blob whose lease was announced before its file came to its place.</summary>
    public void BeginAnnounced(BlobEntry entry)
    {
        if (!index.Lease(entry))
            Retract(entry.Key);
    }

    /// <summary>An announced lease that did not come about.</summary>
    public void Retract(in Digest key)
    {
        board.Remove(key);
        board.Publish();
    }

    /// <summary>Ends the leases, once, when it is disposed.</summary>
    public IDisposable Handle(IReadOnlyList<BlobEntry> entries) => new Lease(this, entries);

    private void End(BlobEntry entry, DateTimeOffset now)
    {
        var key = entry.Key;
        if (index.Release(entry, now))
            board.Remove(key);
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
        const int AtOnce = 256;
        var now = time.GetUtcNow();
        for (var first = 0; first < held.Count; first += AtOnce)
        {
            lock (gate)
            {
                for (var i = first; i < Math.Min(held.Count, first + AtOnce); i++)
                    End(held[i], now);
                board.Publish();
            }
        }
        whenReleased();
    }
}
