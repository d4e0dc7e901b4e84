using NativeLink.Actors.Storage.Filesystem.Index;
using NativeLink.Actors.Storage.Filesystem.Layout;

namespace NativeLink.Actors.Storage.Filesystem.Verification;

/// <summary>
/// Reads the blobs of an earlier run into the index: names and sizes only, in the order of their
/// access times. After a restart of the machine the blobs of its last minutes are hashed too,
/// because the kernel may not have written them all (it writes within 30 s by default; ext4(5),
/// proc(5)): the first of them here, as many as nobody notices at a start, the others before their
/// first use.
/// </summary>
internal sealed class StoreScan(
    StorePaths paths, BlobIndex index, StoreQuarantine quarantine, UnverifiedBlobs unverified,
    ContentStoreOptions options, TimeProvider time)
{
    /// <summary>A file that is opened costs as much as some bytes that are read.</summary>
    private const long CostOfFile = 16 << 10;

    private static readonly TimeSpan UnsafeBeforePowerCut = TimeSpan.FromMinutes(2);
    private readonly List<Digest> _quarantined = [];
    private readonly bool _hasExecutableCopies = Directory.Exists(paths.ExecutableCopyDirectory);
    private readonly List<(Digest Key, DateTimeOffset Change)> _changes = [];
    private DateTimeOffset _lastChange;
    private int _inFuture;
    private bool _hasRestarted;

    /// <summary>Answers the blobs that were found corrupt, whose content may be elsewhere too.</summary>
    public IReadOnlyList<Digest> Run()
    {
        var boot = Boot.ReadId();
        var known = File.Exists(paths.BootMarker) ? File.ReadAllText(paths.BootMarker) : null;
        var left = UnverifiedBlobs.LeftSince(paths);
        _hasRestarted = known is not null && known != boot;
        index.AddAll(Blobs(time.GetUtcNow(), keepsAll: left is not null));
        DeleteOrphanedExecutableCopies();
        if (_inFuture > 0)
            options.OnWarning?.Invoke(
                $"{_inFuture} blobs of {options.ContentPath} have access times in the future; they count as used now");
        if (_hasRestarted || left is not null)
            VerifyUnverified(left);
        // Last: a check that was cut short has to be made again.
        if (known != boot)
            File.WriteAllText(paths.BootMarker, boot);
        return _quarantined;
    }

    private IEnumerable<(Digest Key, DateTimeOffset LastUse, bool HasExecutableCopy)> Blobs(
        DateTimeOffset now, bool keepsAll)
    {
        foreach (var key in StorePaths.KeysIn(paths.BlobDirectory))
        {
            if (Check(key) is not { } status)
                continue;
            var copyChange = ExecutableCopyChange(key, status.Inode);
            // As it was before anything here touched the file.
            var change = AccessTimes.TimeOf(status.ChangeTime) is var own && copyChange > own ? copyChange.Value : own;
            _lastChange = change > _lastChange ? change : _lastChange;
            if (keepsAll || (_hasRestarted && change >= _lastChange - UnsafeBeforePowerCut))
                _changes.Add((key, change));
            yield return (key, Past(AccessTimes.TimeOf(status.AccessTime), now), copyChange is not null);
        }
    }

    private StatxBuffer? Check(in Digest key)
    {
        var name = StorePaths.NameOf(key);
        if (Libc.StatxAt(paths.BlobDescriptor, name, Libc.AtSymlinkNoFollow, StatxBuffer.Basic, out var status) != 0
            || !status.IsRegular)
            return null;
        if (status.Size == (ulong)key.SizeBytes)
        {
            // One of an earlier version, or of NativeLink.
            if (status.ModifyTime.TotalNanoseconds != InputTime.Nanoseconds)
                _ = InputTime.SetAt(paths.BlobDescriptor, name);
            return status;
        }
        options.OnWarning?.Invoke(
            $"blob {name} of {options.ContentPath} has {status.Size} bytes; " +
            "it was not written to the end before a power cut and is removed");
        _ = Libc.UnlinkAt(paths.BlobDescriptor, name, 0);
        return null;
    }

    /// <summary>When the executable copy changed last; null when there is none that could be used.</summary>
    private DateTimeOffset? ExecutableCopyChange(in Digest key, ulong inode)
    {
        if (!_hasExecutableCopies)
            return null;
        var path = paths.ExecutableCopyPath(key);
        if (Libc.StatxAt(Libc.AtFdCwd, path, Libc.AtSymlinkNoFollow, StatxBuffer.Basic, out var copy) != 0)
            return null;
        if (copy.IsRegular && copy.Size == (ulong)key.SizeBytes && copy.Inode != inode
            && (copy.Mode & 0xFFF) == InputModes.Executable)
        {
            if (copy.ModifyTime.TotalNanoseconds != InputTime.Nanoseconds)
                _ = InputTime.SetAt(Libc.AtFdCwd, path);
            return AccessTimes.TimeOf(copy.ChangeTime);
        }
        _ = Libc.UnlinkAt(Libc.AtFdCwd, path, 0);
        return null;
    }

    /// <summary>
    /// What a process left that was killed between a blob and its
    /// executable copy: nobody would ever count or evict them.
    /// </summary>
    private void DeleteOrphanedExecutableCopies()
    {
        foreach (var key in StorePaths.KeysIn(paths.ExecutableCopyDirectory))
        {
            if (index.Find(key) is null)
                paths.DeleteOrphanedExecutableCopy(key);
        }
    }

    private DateTimeOffset Past(DateTimeOffset used, DateTimeOffset now)
    {
        if (used <= now)
            return used;
        _inFuture++;
        return now;
    }

    private void VerifyUnverified(DateTimeOffset? left)
    {
        var since = _hasRestarted && _changes.Count > 0 ? _lastChange - UnsafeBeforePowerCut : DateTimeOffset.MaxValue;
        var (bytes, later) = (options.HashedAtOpenBytes, new List<Digest>());
        foreach (var (key, change) in _changes)
        {
            if (change < since && !(change >= left))
                continue;
            if (key.SizeBytes + CostOfFile > bytes)
            {
                later.Add(key);
                continue;
            }
            bytes -= key.SizeBytes + CostOfFile;
            if (IsCorrupt(key) || (index.Find(key) is { HasExecutableCopy: true } && IsExecutableCopyCorrupt(key)))
                _quarantined.Add(key);
        }
        if (later.Count > 0 && left is null)
            options.OnWarning?.Invoke(
                $"{later.Count} blobs of {options.ContentPath} were written just before the machine was restarted, " +
                "or look so: each is hashed before its first use");
        unverified.Begin(later, !_hasRestarted ? null : left < since ? left : since);
    }

    private bool IsCorrupt(in Digest key)
    {
        using var verification = BlobVerification.Open(paths.BlobPath(key), key);
        if (verification is null)
        {
            // Another process has evicted it since it was listed.
            if (index.Find(key) is { } gone)
                index.Remove(gone);
            return false;
        }
        verification.Advance(long.MaxValue);
        if (verification.Corruption is { } corrupt)
            quarantine.TakeBlob(key, $"{corrupt} after the machine was restarted");
        return verification.Corruption is not null;
    }

    private bool IsExecutableCopyCorrupt(in Digest key)
    {
        if (BlobVerification.FindCorruption(paths.ExecutableCopyPath(key), key) is not { } corrupt)
            return false;
        quarantine.TakeExecutableCopy(key, $"{corrupt} after the machine was restarted");
        return true;
    }
}
