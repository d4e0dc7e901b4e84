using NativeLink.Actors.Storage.Native;

namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// Keeps a store within its limits. A victim is renamed away under the store's gate, so that the same blob can be written again at once, and deleted
/// outside of it. When other processes use the store too, one at a time evicts, and looks first at what the others have done; what they have leased
/// stays.
/// </summary>
internal sealed class StoreEviction(
    Lock gate,
    BlobIndex index,
    ContentStoreOptions options,
    TimeProvider time,
    StorePaths paths,
    TempFiles temps,
    ProcessPresence presence,
    LeaseBoard board)
{
    // What another process may have used a moment ago is spared while there is anything else.
    private static readonly TimeSpan SparedAfterForeignUse = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromSeconds(1);

    private DateTimeOffset _lastLook;
    private long _addedAtLook;
    private int _changesAtLook = presence.HasOthers ? 0 : presence.Changes;

    /// <summary>Bytes that a blob counts for: whole blocks.</summary>
    public long Account(long size)
    {
        var block = Math.Max(1, options.BlockSize);
        return (size + block - 1) / block * block;
    }

    /// <summary>Evicts what is above the limits or too old.</summary>
    public void Run()
    {
        if (!IsOver())
            return;
        var hasOthers = presence.HasOthers;
        var changes = presence.Changes;
        if (!hasOthers && changes == _changesAtLook)
        {
            lock (gate)
                _addedAtLook = index.Added;
            Evict(Limit.FromOptions(options), hasOthers: false);
            return;
        }
        using var alone = DirectoryLock.Wait(paths.EvictionLock);
        // Where there are none any more, what they left behind has to be found.
        LookAtDisk(always: !hasOthers);
        if (!hasOthers)
            _changesAtLook = changes;
        if (IsOver())
            Evict(Limit.FromOptions(options), hasOthers);
    }

    /// <summary>Evicts so many bytes, whatever the limits are. False when nothing could be evicted.</summary>
    public bool Free(long bytes)
    {
        var hasOthers = presence.HasOthers;
        using var alone = hasOthers ? DirectoryLock.Wait(paths.EvictionLock) : null;
        long target;
        lock (gate)
            target = index.Bytes - bytes;
        return Evict(new Limit(Math.Max(0, target), long.MaxValue), hasOthers) > 0;
    }

    private bool IsOver()
    {
        lock (gate)
        {
            if (options.MaxBytes > 0 && index.Bytes > options.MaxBytes)
                return true;
            // Others fill the disk as well: after so much of our own it is time to look.
            if (options.MaxBytes > 0 && index.Added - _addedAtLook > options.MaxBytes / 32)
            {
                if (presence.HasOthers || presence.Changes != _changesAtLook)
                    return true;
                _addedAtLook = index.Added;
            }
            return (options.MaxCount > 0 && index.Count > options.MaxCount)
                || (options.MaxAge > TimeSpan.Zero && index.Oldest is { } oldest && oldest.LastUse < time.GetUtcNow() - options.MaxAge);
        }
    }

    private int Evict(Limit limit, bool hasOthers)
    {
        var doomed = new List<string>();
        var evicted = 0;
        using (var foreign = hasOthers ? board.OpenOthers() : null)
        {
            lock (gate)
            {
                var tooOld = options.MaxAge > TimeSpan.Zero ? time.GetUtcNow() - options.MaxAge : DateTimeOffset.MinValue;
                // In the second round what others have used goes as well; what they have leased never does.
                for (var spared = 0; spared <= 2 * index.Count && index.Oldest is { } victim && IsAbove(limit, victim, tooOld);)
                {
                    if ((hasOthers && spared < index.Count && WasUsedElsewhere(victim)) || !TryTakeAway(victim, foreign, doomed))
                    {
                        spared++;
                        index.Touch(victim, victim.LastUse);
                        continue;
                    }
                    index.Remove(victim);
                    evicted++;
                }
            }
        }
        foreach (var path in doomed)
            _ = Libc.UnlinkAt(Libc.AtFdCwd, path, 0);
        return evicted;
    }

    private bool IsAbove(Limit limit, BlobEntry victim, DateTimeOffset tooOld) =>
        index.Bytes > limit.Bytes || index.Count > limit.Count || victim.LastUse < tooOld;

    /// <summary>Renames a blob away and removes its twin; false when another process has leased it, and then it is back in its place.</summary>
    private bool TryTakeAway(BlobEntry victim, LeaseBoard.ForeignLeases? foreign, List<string> doomed)
    {
        if (foreign?.Has(victim.Key) == true)
            return false;
        var (name, path) = (StorePaths.NameOf(victim.Key), temps.NewPath());
        if (Libc.RenameAt(paths.BlobDescriptor, name, Libc.AtFdCwd, path) == 0)
        {
            Interlocked.MemoryBarrier();
            if (foreign?.Has(victim.Key) == true && Libc.RenameAt(Libc.AtFdCwd, path, paths.BlobDescriptor, name) == 0)
                return false;
            doomed.Add(path);
        }
        _ = Libc.UnlinkAt(Libc.AtFdCwd, paths.TwinPath(victim.Key), 0);
        return true;
    }

    private bool WasUsedElsewhere(BlobEntry victim)
    {
        if (Libc.StatxAt(paths.BlobDescriptor, StorePaths.NameOf(victim.Key), 0, Libc.StatxBasic, out var status) != 0)
            return false;
        var used = StoreScan.TimeOf(status.AccessTime);
        return used > victim.PersistedUse + TimeSpan.FromSeconds(1) && used > time.GetUtcNow() - SparedAfterForeignUse;
    }

    /// <summary>Brings the index to what the directory holds; the names say all that is needed. Nobody waits while they are listed.</summary>
    private void LookAtDisk(bool always)
    {
        var now = time.GetUtcNow();
        lock (gate)
        {
            if (!always && now - _lastLook < LookAgainAfter && index.Added - _addedAtLook < options.MaxBytes / 32)
                return;
        }
        var (seen, twins) = (StorePaths.Keys(paths.BlobDirectory), StorePaths.Keys(paths.TwinDirectory));
        lock (gate)
        {
            // What differs may have come or gone since it was listed.
            foreach (var come in seen.Where(key => index.Find(key) is null && paths.Has(key)).ToList())
                index.Add(come, Account(come.SizeBytes), now);
            foreach (var gone in index.Digests.Where(key => !seen.Contains(key) && !paths.Has(key)).ToList())
                index.Remove(index.Find(gone)!);
            foreach (var twin in twins)
            {
                if (index.Find(twin) is { } entry)
                    index.AddTwin(entry, Account(twin.SizeBytes));
            }
            (_lastLook, _addedAtLook) = (now, index.Added);
        }
    }

    private readonly record struct Limit(long Bytes, long Count)
    {
        public static Limit FromOptions(ContentStoreOptions options) => new(
            options.MaxBytes > 0 ? Math.Max(0, options.MaxBytes - options.EvictBytes) : long.MaxValue,
            options.MaxCount > 0 ? options.MaxCount : long.MaxValue);
    }
}
