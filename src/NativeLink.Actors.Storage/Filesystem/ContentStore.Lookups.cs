using NativeLink.Actors.Storage.Filesystem.Index;
using NativeLink.Actors.Storage.Filesystem.Layout;

namespace NativeLink.Actors.Storage.Filesystem;

/// <content>Whether a blob is here, and that it stays.</content>
internal sealed partial class ContentStore
{
    // A gate that is held for many of them at once makes everybody wait.
    private const int LeasesAtOnce = 256;

    private static readonly TimeSpan PersistUseAfter = TimeSpan.FromMinutes(10);

    // Other processes spare what was used within the last minute, as far as they can see it.
    private static readonly TimeSpan PersistUseForOthersAfter = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Whether the blob is here now; the empty blob always is. Who is told so relies on it: it is
    /// not evicted for a while (<see cref="ContentStoreOptions.VouchedFor"/>).
    /// </summary>
    public bool Contains(in Digest digest) => digest.IsEmpty || Use(digest, lease: false, vouch: true) is not null;

    /// <summary>Keeps a blob from eviction until the lease is disposed. Null when the blob is not here.</summary>
    public IDisposable? TryLease(in Digest digest)
    {
        if (digest.IsEmpty)
            return _leases.Handle([]);
        return Use(digest, lease: true, vouch: false) is { } entry ? _leases.Handle([entry]) : null;
    }

    /// <summary>
    /// Leases a blob that this process knows of, because it has put it here or found it here before; no other is looked
    /// for. Only where other processes evict too is the disk asked whether it is still there. Null when it is not known
    /// or has gone. An unverified one is not hashed: this is for who has looked for the blob before
    /// (<see cref="LeaseAll"/>) and looks again whether it has come.
    /// </summary>
    public IDisposable? TryLeaseKnown(in Digest digest)
    {
        var now = _time.GetUtcNow();
        BlobEntry entry;
        lock (_gate)
        {
            if (_index.Find(BlobIndex.KeyOf(digest)) is not { } found || !_leases.TryBegin(found))
                return null;
            entry = found;
            _index.Touch(entry, now);
        }
        return _leases.Handle([entry]);
    }

    /// <summary>Leases all of the blobs that are here, under one lease, and says which are not.</summary>
    public IDisposable LeaseAll(IReadOnlyCollection<Digest> digests, out IReadOnlyList<Digest> missing)
    {
        var (held, absent) = (new List<BlobEntry>(digests.Count), new List<Digest>());
        try
        {
            foreach (var some in digests.Where(static digest => !digest.IsEmpty).Chunk(LeasesAtOnce))
            {
                foreach (var digest in LeaseKnown(some, held))
                {
                    if (Use(digest, lease: true, vouch: false) is { } entry)
                        held.Add(entry);
                    else
                        absent.Add(digest);
                }
            }
        }
        catch
        {
            _leases.Handle(held).Dispose();
            throw;
        }
        missing = absent;
        return _leases.Handle(held);
    }

    /// <summary>Leases what is known and there, and answers what is not.</summary>
    private List<Digest> LeaseKnown(Digest[] digests, List<BlobEntry> held)
    {
        var (unknown, unpersisted) = (new List<Digest>(), new List<Digest>());
        foreach (var digest in digests)
            _unverified.EnsureVerified(digest);
        var (now, first) = (_time.GetUtcNow(), held.Count);
        lock (_gate)
        {
            foreach (var digest in digests)
            {
                if (_index.Find(BlobIndex.KeyOf(digest)) is not { } entry)
                {
                    unknown.Add(digest);
                    continue;
                }
                _index.Touch(entry, now);
                _leases.Begin(entry);
                held.Add(entry);
                if (MustPersist(entry, now))
                    unpersisted.Add(entry.Key);
            }
            _leases.Publish();
        }
        if (_presence.HasOthers)
            ReleaseMissing(held, first, unknown);
        unpersisted.ForEach(key => AccessTimes.PersistUse(_paths, key, now));
        return unknown;
    }

    private void ReleaseMissing(List<BlobEntry> held, int first, List<Digest> gone)
    {
        for (var i = held.Count - 1; i >= first; i--)
        {
            lock (_gate)
            {
                var (entry, key) = (held[i], held[i].Key);
                if (_paths.Has(key))
                    continue;
                _leases.ReleaseMissing(entry);
                gone.Add(key);
            }
            held.RemoveAt(i);
        }
    }

    /// <summary>
    /// Finds a blob in memory, or on disk when another process has put it there; marks the use and,
    /// if wanted, leases it. Where other processes evict as well the disk is asked in any case.
    /// </summary>
    private BlobEntry? Use(in Digest digest, bool lease, bool vouch)
    {
        _unverified.EnsureVerified(digest);
        var key = BlobIndex.KeyOf(digest);
        var now = _time.GetUtcNow();
        // Who leases asks when others have been told of it.
        var hasOthers = !lease && _presence.HasOthers;
        BlobEntry entry;
        lock (_gate)
        {
            if ((_index.Find(key) ?? FindOnDisk(key, now)) is not { } found)
                return null;
            entry = found;
            if (lease && !_leases.TryBegin(entry))
                return null;
            if (hasOthers && !_paths.Has(key))
            {
                _index.Remove(entry);
                return null;
            }
            if (vouch)
                _index.Vouch(entry, now);
            else
                _index.Touch(entry, now);
            if (!MustPersist(entry, now))
                return entry;
        }
        AccessTimes.PersistUse(_paths, key, now);
        return entry;
    }

    /// <summary>Whether this use is to be written down; not asked again for a while then.</summary>
    private bool MustPersist(BlobEntry entry, DateTimeOffset now)
    {
        if (now - entry.PersistedUse < (_presence.HadOthers ? PersistUseForOthersAfter : PersistUseAfter))
            return false;
        entry.PersistedUse = now;
        return true;
    }

    private BlobEntry? FindOnDisk(in Digest key, DateTimeOffset now) =>
        key.SizeBytes > 0 && _paths.Has(key) ? _index.Add(key, now) : null;
}
