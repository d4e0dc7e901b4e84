using NativeLink.Actors.Storage.Filesystem.Index;
using NativeLink.Actors.Storage.Filesystem.Layout;
using NativeLink.Actors.Storage.Filesystem.Leases;

namespace NativeLink.Actors.Storage.Filesystem.Eviction;

/// <summary>
/// Keeps a store within its limits. A victim leaves its directory under the store's gate, so that
/// the same blob can be written again at once, and its blocks are freed outside of it, a few
/// victims at a time. Its entry goes when its file has gone. When other processes use the store
/// too, one at a time evicts, and looks first at what the others have done; what they have leased
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
    private const int VictimsAtOnce = 64;

    // What another process may have used a moment ago is spared while there is anything else.
    private static readonly TimeSpan LeastSpared = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RescanAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WarnAgainAfter = TimeSpan.FromMinutes(1);

    private readonly TimeSpan _sparedAfterForeignUse = options.VouchedFor > LeastSpared
        ? options.VouchedFor
        : LeastSpared;
    private readonly StoreRescan _rescan = new(gate, index, paths, time);
    private DateTimeOffset _lastRescan;
    private DateTimeOffset _lastWarning;
    private DateTimeOffset _lastFailure;
    private long _lockHeldAt = long.MinValue / 2;
    private long _addedAtRescan;
    private int _changesAtRescan = presence.HasOthers ? 0 : presence.Changes;

    /// <summary>
    /// Evicts what is above the limits or too old; not
    /// what has just been made, as far as that is given.
    /// </summary>
    public void Run(BlobEntry? justMade = null)
    {
        if (!IsOver())
            return;
        var hasOthers = presence.HasOthers;
        var changes = presence.Changes;
        if (!hasOthers && changes == _changesAtRescan)
        {
            lock (gate)
                _addedAtRescan = index.Added;
            Evict(Limit.FromOptions(options), hasOthers: false, justMade);
            return;
        }
        using var alone = Alone();
        // Where there are none any more, what they left behind has to be found.
        Rescan(always: !hasOthers);
        if (!hasOthers)
            _changesAtRescan = changes;
        if (IsOver())
            Evict(Limit.FromOptions(options), hasOthers, justMade);
    }

    /// <summary>
    /// As <see cref="Run"/>, for what is done already and does not fail when this does: the next
    /// one makes up for it. The log says so.
    /// </summary>
    public void TryRun(BlobEntry? justMade = null)
    {
        try
        {
            Run(justMade);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or FaultException)
        {
            WarnOfFailure(
                $"nothing can be evicted from {options.ContentPath}: {error.Message}; " +
                "it grows beyond its limits meanwhile");
        }
    }

    /// <summary>Evicts so many bytes, whatever the limits are. False when nothing could be evicted.</summary>
    public bool Free(long bytes)
    {
        var hasOthers = presence.HasOthers;
        DirectoryLock? alone;
        try
        {
            alone = hasOthers ? Alone() : null;
        }
        catch (FaultException error)
        {
            WarnOfFailure($"no room can be made in {options.ContentPath}: {error.Message}");
            return false;
        }
        using var held = alone;
        if (FreeKnown(bytes, hasOthers))
            return true;
        if (!hasOthers)
            return false;
        // What fills the disk may be theirs alone.
        Rescan(always: true);
        return FreeKnown(bytes, hasOthers);
    }

    /// <summary>
    /// Who found the lock held for as long as anybody waits for it does not wait again for a while,
    /// nor does anybody else here.
    /// </summary>
    /// <exception cref="FaultException">Another process does not let go of it.</exception>
    private DirectoryLock Alone()
    {
        var hasWaited = Environment.TickCount64 - Volatile.Read(ref _lockHeldAt) < WarnAgainAfter.TotalMilliseconds;
        try
        {
            return DirectoryLock.Wait(paths.EvictionLock, hasWaited ? TimeSpan.Zero : options.LockPatience);
        }
        catch (FaultException) when (!hasWaited)
        {
            Volatile.Write(ref _lockHeldAt, Environment.TickCount64);
            throw;
        }
    }

    private void WarnOfFailure(string text)
    {
        if (IsTimeToWarn(ref _lastFailure))
            options.OnWarning?.Invoke(text);
    }

    private bool IsTimeToWarn(ref DateTimeOffset last)
    {
        var now = time.GetUtcNow();
        lock (gate)
        {
            if (now - last < WarnAgainAfter)
                return false;
            last = now;
            return true;
        }
    }

    private bool FreeKnown(long bytes, bool hasOthers)
    {
        long target;
        lock (gate)
            target = index.Bytes - bytes;
        target = Math.Max(0, target);
        return Evict(new Limit(target, target, long.MaxValue), hasOthers, justMade: null) > 0;
    }

    private bool IsOver()
    {
        lock (gate)
        {
            if (options.MaxBytes > 0 && index.Bytes > options.MaxBytes)
                return true;
            // Others fill the disk as well: after so much of our own it is time to look.
            if (options.MaxBytes > 0 && index.Added - _addedAtRescan > options.MaxBytes / 32)
            {
                if (presence.HasOthers || presence.Changes != _changesAtRescan)
                    return true;
                _addedAtRescan = index.Added;
            }
            return (options.MaxCount > 0 && index.Count > options.MaxCount)
                || (options.MaxAge > TimeSpan.Zero && time.GetUtcNow() is var now && index.Oldest(now) is { } oldest
                    && oldest.LastUse < now - options.MaxAge);
        }
    }

    private int Evict(Limit limit, bool hasOthers, BlobEntry? justMade)
    {
        using var foreign = hasOthers ? board.OpenOthers() : null;
        using var victims = new EvictedFiles(paths, temps, foreign);
        var round = new Round(limit, foreign is not null) { Spared = justMade };
        for (var more = true; more;)
        {
            lock (gate)
                more = EvictSome(round, victims);
            victims.Delete();
        }
        if (round.Vouched > 0)
            WarnOfVouched(round.Vouched);
        return round.Evicted;
    }

    /// <summary>False when nothing more has to go, or can.</summary>
    private bool EvictSome(Round round, EvictedFiles victims)
    {
        var now = time.GetUtcNow();
        var tooOld = options.MaxAge > TimeSpan.Zero ? now - options.MaxAge : DateTimeOffset.MinValue;
        for (var i = 0; i < VictimsAtOnce; i++)
        {
            var isVouched = round.Phase == Phase.Vouched;
            var isAbove = round.Limit.IsExceededBy(index, isVouched);
            var next = isVouched ? index.OldestVouched : index.Oldest(now);
            // Age alone takes nothing that was vouched for.
            if (!isAbove && (isVouched || !(next?.LastUse < tooOld)))
                return false;
            if (next is not { } victim || round.HasMet(victim, index.Count))
            {
                if (!round.Advance())
                    return false;
                continue;
            }
            if (IsSpared(victim, round) || !victims.TryEvict(victim))
            {
                round.PutBack(victim);
                index.PutBack(victim, now);
                continue;
            }
            index.Remove(victim);
            round.Evicted++;
            round.Vouched += isVouched ? 1 : 0;
        }
        return true;
    }

    private bool IsSpared(BlobEntry victim, Round round) =>
        victim.Slot == round.Spared?.Slot || (round.Phase == Phase.UsedByNobodyElse && WasUsedElsewhere(victim));

    private bool WasUsedElsewhere(BlobEntry victim)
    {
        if (Libc.StatxAt(paths.BlobDescriptor, StorePaths.NameOf(victim.Key), 0, StatxBuffer.Basic, out var status)
            != 0)
            return false;
        var used = AccessTimes.TimeOf(status.AccessTime);
        return used > victim.PersistedUse + TimeSpan.FromSeconds(1) && used > time.GetUtcNow() - _sparedAfterForeignUse;
    }

    private void WarnOfVouched(int blobs)
    {
        if (!IsTimeToWarn(ref _lastWarning))
            return;
        options.OnWarning?.Invoke(
            $"{blobs} blobs of {options.ContentPath} were evicted that clients were told of within the last " +
            $"{options.VouchedFor.TotalMinutes:0} minutes, because nothing else was left to evict; "
            + "builds that keep digests only may fail: give the store more space (max_bytes)");
    }

    /// <summary>Brings the index to what the directory holds, unless that was done a moment ago.</summary>
    private void Rescan(bool always)
    {
        var now = time.GetUtcNow();
        lock (gate)
        {
            if (!always && now - _lastRescan < RescanAfter && index.Added - _addedAtRescan < options.MaxBytes / 32)
                return;
        }
        _rescan.Run();
        lock (gate)
            (_lastRescan, _addedAtRescan) = (now, index.Added);
    }

    /// <param name="Bytes">Down to this goes what nobody relies on.</param>
    /// <param name="VouchedBytes">What was vouched for goes for as long as there is more than this,
    /// and not for room to come.</param>
    private readonly record struct Limit(long Bytes, long VouchedBytes, long Count)
    {
        public static Limit FromOptions(ContentStoreOptions options) => new(
            options.MaxBytes > 0 ? Math.Max(0, options.MaxBytes - options.EvictBytes) : long.MaxValue,
            options.MaxBytes > 0 ? options.MaxBytes : long.MaxValue,
            options.MaxCount > 0 ? options.MaxCount : long.MaxValue);

        public bool IsExceededBy(BlobIndex index, bool isVouched) =>
            index.Bytes > (isVouched ? VouchedBytes : Bytes) || index.Count > Count;
    }

    /// <summary>What may go, in the order in which it does.</summary>
    private enum Phase
    {
        UsedByNobodyElse,
        Used,
        Vouched,
    }

    private sealed class Round(Limit limit, bool hasOthers)
    {
        // Each costs a look at its file: beyond so many that others use, the rest is taken to be in use as well.
        private const int MostUsedElsewhere = 1024;

        private int _firstPutBack = DigestTable.None;
        private int _putBack;

        public Limit Limit => limit;

        public Phase Phase { get; private set; } = hasOthers ? Phase.UsedByNobodyElse : Phase.Used;

        public BlobEntry? Spared { get; init; }

        public int Evicted { get; set; }

        public int Vouched { get; set; }

        /// <summary>Whether all have been looked at in this phase.</summary>
        public bool HasMet(BlobEntry victim, int count) =>
            victim.Slot == _firstPutBack || _putBack > count
                || (Phase == Phase.UsedByNobodyElse && _putBack >= MostUsedElsewhere);

        public void PutBack(BlobEntry victim)
        {
            _firstPutBack = _firstPutBack == DigestTable.None ? victim.Slot : _firstPutBack;
            _putBack++;
        }

        public bool Advance()
        {
            (_firstPutBack, _putBack) = (DigestTable.None, 0);
            if (Phase == Phase.Vouched)
                return false;
            Phase++;
            return true;
        }
    }
}
