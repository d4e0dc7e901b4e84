using Microsoft.Win32.SafeHandles;
using NativeLink.Actors.Storage.Hashing;
using NativeLink.Actors.Storage.Native;

namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// Reads the blobs of an earlier run into the index: names and sizes only, in the order of their access times. After a restart of the machine the
/// blobs of its last minutes are hashed too, because the kernel may not have written them all (it writes within 30 s by default; ext4(5), proc(5)).
/// </summary>
internal sealed class StoreScan(StorePaths paths, BlobIndex index, ContentStoreOptions options, TimeProvider time)
{
    private static readonly TimeSpan UnsafeBeforePowerCut = TimeSpan.FromMinutes(2);
    private int _inFuture;

    public void Run()
    {
        var now = time.GetUtcNow();
        var found = new List<(Digest Key, DateTimeOffset Used, DateTimeOffset Changed, bool Twin)>();
        foreach (var path in Directory.EnumerateFiles(paths.BlobDirectory))
        {
            var name = Path.GetFileName(path);
            if (StorePaths.TryParseName(name, out var key) && Check(name, key) is { } status)
                found.Add((key, Past(TimeOf(status.AccessTime), now), TimeOf(status.ChangeTime), HasSoundTwin(key, status.Inode)));
        }
        if (_inFuture > 0)
            options.OnWarning?.Invoke($"{_inFuture} blobs of {options.ContentPath} have access times in the future; they count as used now");
        found.Sort(static (left, right) => left.Used.CompareTo(right.Used));
        Add(found);
        if (IsOtherBoot() && found.Count > 0)
            HashLastOnes(found.Select(static blob => (blob.Key, blob.Changed)).ToList());
    }

    /// <summary>Whether the file's content has the digest's hash, by the digest's own function or, where that is only assumed, by the other one.</summary>
    public static bool Matches(SafeFileHandle file, in Digest digest)
    {
        var key = BlobIndex.KeyOf(digest);
        return BlobHasher.HashFile(file, DigestFunction.Sha256) == key || BlobIndex.KeyOf(BlobHasher.HashFile(file, DigestFunction.Blake3)) == key;
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

    private void Add(IEnumerable<(Digest Key, DateTimeOffset Used, DateTimeOffset Changed, bool Twin)> found)
    {
        var block = Math.Max(1, options.BlockSize);
        foreach (var (key, used, _, twin) in found)
        {
            var bytes = (key.SizeBytes + block - 1) / block * block;
            var entry = index.Add(key, bytes, used);
            entry.PersistedUse = used;
            if (twin)
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

    private bool HasSoundTwin(in Digest key, ulong inode)
    {
        var path = paths.TwinPath(key);
        if (Libc.StatxAt(Libc.AtFdCwd, path, Libc.AtSymlinkNoFollow, Libc.StatxBasic, out var twin) != 0)
            return false;
        if (twin.IsRegular && twin.Size == (ulong)key.SizeBytes && (twin.Mode & 0xFFF) == 0x16D && twin.Inode != inode)
            return true;
        _ = Libc.UnlinkAt(Libc.AtFdCwd, path, 0);
        return false;
    }

    private DateTimeOffset Past(DateTimeOffset used, DateTimeOffset now)
    {
        if (used <= now)
            return used;
        _inFuture++;
        return now;
    }

    private bool IsOtherBoot()
    {
        var boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        var known = File.Exists(paths.BootMarker) ? File.ReadAllText(paths.BootMarker) : null;
        if (known == boot)
            return false;
        File.WriteAllText(paths.BootMarker, boot);
        return known is not null;
    }

    private void HashLastOnes(List<(Digest Key, DateTimeOffset Changed)> found)
    {
        var since = found.Max(static blob => blob.Changed) - UnsafeBeforePowerCut;
        foreach (var (key, _) in found.Where(blob => blob.Changed >= since))
        {
            using var file = File.OpenHandle(paths.BlobPath(key), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (Matches(file, key))
                continue;
            index.Remove(index.Find(key)!);
            StoreQuarantine.Take(paths, key);
            options.OnWarning?.Invoke($"blob {key} of {options.ContentPath} is not what it was before the machine restarted; it is now in {paths.QuarantineDirectory}");
        }
    }
}
