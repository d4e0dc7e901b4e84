using NativeLink.Actors.Storage.Native;

namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// Reads the blobs of an earlier run into the index: names and sizes only, in the order of their access times. After a restart of the machine the
/// blobs of its last minutes are hashed too, because the kernel may not have written them all (it writes within 30 s by default; ext4(5), proc(5)).
/// </summary>
internal sealed class StoreScan(StorePaths paths, BlobIndex index, StoreQuarantine quarantine, ContentStoreOptions options, TimeProvider time)
{
    private static readonly TimeSpan UnsafeBeforePowerCut = TimeSpan.FromMinutes(2);
    private readonly List<Digest> _quarantined = [];
    private int _inFuture;

    /// <summary>Answers the blobs that were found corrupt, whose content may be elsewhere too.</summary>
    public IReadOnlyList<Digest> Run()
    {
        var now = time.GetUtcNow();
        var found = new List<FoundBlob>();
        foreach (var path in Directory.EnumerateFiles(paths.BlobDirectory))
        {
            var name = Path.GetFileName(path);
            if (StorePaths.TryParseName(name, out var key) && Check(name, key) is { } status)
                found.Add(new FoundBlob(key, Past(TimeOf(status.AccessTime), now), TimeOf(status.ChangeTime), TwinChanged(key, status.Inode)));
        }
        if (_inFuture > 0)
            options.OnWarning?.Invoke($"{_inFuture} blobs of {options.ContentPath} have access times in the future; they count as used now");
        found.Sort(static (left, right) => left.Used.CompareTo(right.Used));
        Add(found);
        var boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        var known = File.Exists(paths.BootMarker) ? File.ReadAllText(paths.BootMarker) : null;
        if (known is not null && known != boot && found.Count > 0)
            HashLastOnes(found);
        // Last: a check that was cut short has to be made again.
        if (known != boot)
            File.WriteAllText(paths.BootMarker, boot);
        return _quarantined;
    }

    public static DateTimeOffset TimeOf(Libc.StatxTime time)
    {
        var seconds = Math.Clamp(time.Seconds, 0, 253_402_300_000);
        return DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(time.Nanoseconds / 100);
    }

    /// <summary>Writes a use into the file's access time, where the next run and other processes find it.</summary>
    public static unsafe void PersistUse(StorePaths paths, in Digest key, DateTimeOffset now)
    {
        var times = stackalloc Libc.TimeSpec[2];
        times[0] = new Libc.TimeSpec { Seconds = now.ToUnixTimeSeconds(), Nanoseconds = 0 };
        times[1] = new Libc.TimeSpec { Seconds = 0, Nanoseconds = Libc.UtimeOmit };
        _ = Libc.SetTimesAt(paths.BlobDescriptor, StorePaths.NameOf(key), times, Libc.AtSymlinkNoFollow);
    }

    private void Add(IEnumerable<FoundBlob> found)
    {
        var block = Math.Max(1, options.BlockSize);
        foreach (var (key, used, _, twin) in found)
        {
            var bytes = (key.SizeBytes + block - 1) / block * block;
            var entry = index.Add(key, bytes, used);
            entry.PersistedUse = used;
            if (twin is not null)
                index.AddTwin(entry, bytes);
        }
    }

    private Libc.StatxBuffer? Check(string name, in Digest key)
    {
        if (Libc.StatxAt(paths.BlobDescriptor, name, Libc.AtSymlinkNoFollow, Libc.StatxBasic, out var status) != 0 || !status.IsRegular)
            return null;
        if (status.Size == (ulong)key.SizeBytes)
            return status;
        options.OnWarning?.Invoke($"blob {name} of {options.ContentPath} has {status.Size} bytes; it was not written to the end before a power cut and is removed");
        _ = Libc.UnlinkAt(paths.BlobDescriptor, name, 0);
        return null;
    }

    /// <summary>When the executable twin changed last; null when there is none that could be used.</summary>
    private DateTimeOffset? TwinChanged(in Digest key, ulong inode)
    {
        var path = paths.TwinPath(key);
        if (Libc.StatxAt(Libc.AtFdCwd, path, Libc.AtSymlinkNoFollow, Libc.StatxBasic, out var twin) != 0)
            return null;
        if (twin.IsRegular && twin.Size == (ulong)key.SizeBytes && (twin.Mode & 0xFFF) == 0x16D && twin.Inode != inode)
            return TimeOf(twin.ChangeTime);
        _ = Libc.UnlinkAt(Libc.AtFdCwd, path, 0);
        return null;
    }

    private DateTimeOffset Past(DateTimeOffset used, DateTimeOffset now)
    {
        if (used <= now)
            return used;
        _inFuture++;
        return now;
    }

    private void HashLastOnes(List<FoundBlob> found)
    {
        var since = found.Max(static blob => blob.TwinChanged > blob.Changed ? blob.TwinChanged.Value : blob.Changed) - UnsafeBeforePowerCut;
        foreach (var blob in found)
        {
            if (blob.Changed >= since && IsWrong(blob.Key))
                _quarantined.Add(blob.Key);
            else if (blob.TwinChanged >= since && IsTwinWrong(blob.Key))
                _quarantined.Add(blob.Key);
        }
    }

    private bool IsWrong(in Digest key)
    {
        using var proof = BlobProof.Open(paths.BlobPath(key), key);
        if (proof is null)
        {
            // Another process has evicted it since it was listed.
            index.Remove(index.Find(key)!);
            return false;
        }
        proof.Advance(long.MaxValue);
        if (proof.Wrong is { } wrong)
            quarantine.TakeBlob(key, $"{wrong} after the machine was restarted");
        return proof.Wrong is not null;
    }

    private bool IsTwinWrong(in Digest key)
    {
        if (BlobProof.WhyWrong(paths.TwinPath(key), key) is not { } wrong)
            return false;
        quarantine.TakeTwin(key, $"{wrong} after the machine was restarted");
        return true;
    }

    private readonly record struct FoundBlob(Digest Key, DateTimeOffset Used, DateTimeOffset Changed, DateTimeOffset? TwinChanged);
}
