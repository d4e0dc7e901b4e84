using NativeLink.Actors.Storage.Native;

namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// Keeps a store within its limits. A victim is renamed away under the store's gate, so that the same blob can be written again at once, and deleted
/// outside of it. When other processes use the store too, one at a time evicts, and looks first at what the others have done.
/// </summary>
internal sealed class StoreEviction(
    Lock gate,
    BlobIndex index,
    ContentStoreOptions options,
    TimeProvider time,
    StorePaths paths,
    TempFiles temps,
    ProcessPresence presence)
{
    // What another process may have used a moment ago is spared while there is anything else.
    private static readonly TimeSpan SparedAfterForeignUse = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromSeconds(1);
    private const long LeastToFree = 64L << 20;

    private DateTimeOffset _lastLook;
    private long _addedAtLook;

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
        if (!presence.HasOthers)
        {
            lock (gate)
                _addedAtLook = index.Added;
            Evict(Limit.FromOptions(options), hasOthers: false);
            return;
        }
        using var alone = DirectoryLock.Wait(paths.EvictionLock);
        LookAtDisk();
        if (IsOver())
            Evict(Limit.FromOptions(options), hasOthers: true);
    }

    /// <summary>Makes room on a full disk, whatever the limits are. False when nothing could be evicted.</summary>
    public bool Free(long bytes)
    {
        long target;
        lock (gate)
            target = index.Bytes - Math.Max(bytes, LeastToFree);
        return Evict(new Limit(Math.Max(0, target), long.MaxValue, DateTimeOffset.MinValue), hasOthers: false) > 0;
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
                if (presence.HasOthers)
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
        lock (gate)
        {
            var tooOld = options.MaxAge > TimeSpan.Zero ? time.GetUtcNow() - options.MaxAge : DateTimeOffset.MinValue;
            var spared = 0;
            while (index.Oldest is { } victim && (index.Bytes > limit.Bytes || index.Count > limit.Count || victim.LastUse < tooOld))
            {
                if (hasOthers && spared < index.Count && WasUsedElsewhere(victim))
                {
                    spared++;
                    index.Touch(victim, victim.LastUse);
                    continue;
                }
                index.Remove(victim);
                RenameAway(victim, doomed);
            }
        }
        foreach (var path in doomed)
            _ = Libc.UnlinkAt(Libc.AtFdCwd, path, 0);
        return doomed.Count;
    }

    private void RenameAway(BlobEntry victim, List<string> doomed)
    {
        var path = temps.NewPath();
        if (Libc.RenameAt(paths.BlobDescriptor, StorePaths.NameOf(victim.Key), Libc.AtFdCwd, path) == 0)
            doomed.Add(path);
        if (Libc.UnlinkAt(Libc.AtFdCwd, paths.TwinPath(victim.Key), 0) == 0 && doomed.Count == 0)
            doomed.Add(path);
    }

    private bool WasUsedElsewhere(BlobEntry victim)
    {
        if (Libc.StatxAt(paths.BlobDescriptor, StorePaths.NameOf(victim.Key), 0, Libc.StatxBasic, out var status) != 0)
            return false;
        var used = StoreScan.TimeOf(status.AccessTime);
        return used > victim.LastUse + TimeSpan.FromSeconds(1) && used > time.GetUtcNow() - SparedAfterForeignUse;
    }

    /// <summary>Brings the index to what the directory holds; the names say all that is needed.</summary>
    private void LookAtDisk()
    {
        var now = time.GetUtcNow();
        lock (gate)
        {
            if (now - _lastLook < LookAgainAfter && index.Added - _addedAtLook < options.MaxBytes / 32)
                return;
            var seen = new HashSet<Digest>();
            foreach (var path in Directory.EnumerateFiles(paths.BlobDirectory))
            {
                if (StorePaths.TryParseName(Path.GetFileName(path.AsSpan()), out var key) && seen.Add(key) && index.Find(key) is null)
                    index.Add(key, Account(key.SizeBytes), now);
            }
            foreach (var gone in index.Digests.Where(key => !seen.Contains(key)).ToList())
                index.Remove(index.Find(gone)!);
            (_lastLook, _addedAtLook) = (now, index.Added);
        }
    }

    private readonly record struct Limit(long Bytes, long Count, DateTimeOffset Older)
    {
        public static Limit FromOptions(ContentStoreOptions options) => new(
            options.MaxBytes > 0 ? Math.Max(0, options.MaxBytes - options.EvictBytes) : long.MaxValue,
            options.MaxCount > 0 ? options.MaxCount : long.MaxValue,
            DateTimeOffset.MinValue);
    }
}
