using System.Collections.Concurrent;
using NativeLink.Actors.Storage.DirectoryCache;
using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Storage.Materialisers;

/// <summary>
/// Input roots as overlay mounts over cached trees: what an
/// action changes is copied up, the tree below never changes.
/// </summary>
internal sealed class OverlayRoots(
    TreeCache cache, TreeConstruction construction, OverlaySupport overlays, UpperDirectories uppers,
    InputRootsCounters counters, PlainRoots plain,
    Func<string, bool> freeSpace, Action<string>? warn)
{
    private const int MostForDisk = 1024;

    // What was freed may be taken by others before it is used.
    private const int MostTries = 8;

    // Roots whose action has seen the memory full: the next try of the same one goes to disk.
    private readonly ConcurrentDictionary<Digest, byte> _forDisk = [];
    private readonly SingleFlight<TreeEntry> _flights = new(cache.Unpin);

    public async Task<IInputRoot> MaterialiseAsync(
        Digest root, string destination, ITreeSource source, CancellationToken cancellation)
    {
        if (overlays.Disk is null && _forDisk.ContainsKey(root))
            return await plain.MaterialiseAsync(root, destination, source, cancellation);
        for (var tries = 0; ; tries++)
        {
            var (entry, cached) = await PinOrBuildAsync(root, source, cancellation);
            try
            {
                var made = MountFreeingSpace(entry, destination, cached);
                counters.AddRoot(cached);
                return made;
            }
            catch (FaultException) when (tries < MostTries && cache.HasEvicted(entry))
            {
                // Dropped as damaged, and so moved away, before it was mounted: the one that takes its place.
                cache.Unpin(entry);
            }
            catch
            {
                cache.Unpin(entry);
                throw;
            }
        }
    }

    private async Task<(TreeEntry Entry, bool Cached)> PinOrBuildAsync(
        Digest root, ITreeSource source, CancellationToken cancellation)
    {
        if (PinVerified(root) is { } known)
            return (known, true);
        var entry = await _flights.RunAsync(
            root,
            // Looked for again: another flight may have ended since.
            async token => PinVerified(root) ?? await construction.BuildAsync(root, source, token),
            built =>
            {
                cache.PinAgain(built);
                return built;
            },
            cancellation);
        return (entry, false);
    }

    private OverlayRoot MountFreeingSpace(TreeEntry entry, string destination, bool cached)
    {
        for (var tries = 0; ; tries++)
        {
            // The mount point and the upper directories may stand on two disks: the full one is freed.
            var writesTo = Path.GetDirectoryName(destination)!;
            try
            {
                if (Libc.MakeDirectoryAt(Libc.AtFdCwd, destination, 0x1ED) != 0)
                    throw DiskFault.Last($"input root {destination} cannot be made");
                writesTo = uppers.Disk;
                return Mount(entry, destination, cached);
            }
            catch (FaultException error) when (tries < MostTries && DiskFault.IsFull(error) && freeSpace(writesTo))
            {
                // Once more, with more free space.
            }
        }
    }

    private void Unmounted(TreeEntry entry, in UpperDirectory upper, string? outOfSpace)
    {
        uppers.Discard(upper);
        cache.Unpin(entry);
        if (outOfSpace is null)
            return;
        if (_forDisk.Count >= MostForDisk)
            _forDisk.Clear();
        if (_forDisk.TryAdd(entry.Root, 0))
            warn?.Invoke(outOfSpace);
    }

    private TreeEntry? PinVerified(in Digest root)
    {
        if (cache.TryPin(root) is not { } entry)
            return null;
        TreeEntry? broken;
        try
        {
            broken = FindDamage(entry) ?? (entry.Below is null ? null : FindDamage(entry.Below));
        }
        catch
        {
            cache.Unpin(entry);
            throw;
        }
        if (broken is null)
            return entry;
        counters.AddDamaged();
        cache.EvictDamaged(broken, "its files on disk are not those that were put there");
        cache.Unpin(entry);
        return null;
    }

    private TreeEntry? FindDamage(TreeEntry entry)
    {
        if (!entry.IsIntact())
            return entry;
        if (!entry.IsUnverified)
            return null;
        // The machine was restarted since it was built: the kernel may not have written all of it.
        if (!construction.Verifies(entry))
            return entry;
        entry.IsUnverified = false;
        return null;
    }

    /// <summary>Mounts on a directory that is there, and goes again when nothing could be mounted.</summary>
    private OverlayRoot Mount(TreeEntry entry, string destination, bool cached)
    {
        var inMemory = uppers.PrefersMemory && !_forDisk.ContainsKey(entry.Root);
        var errno = Errno.ENOSPC;
        // What is full takes no upper layer; the other place may.
        foreach (var place in (bool[])[inMemory, !inMemory])
        {
            if (overlays.MountsFor(place) is not { } mounts)
                continue;
            if (uppers.TryCreate(place, out errno) is { } upper)
            {
                errno = mounts.Mount(entry.Layers, upper.Path + "/u", upper.Path + "/w", destination);
                if (errno == 0)
                    return new OverlayRoot(this, entry, destination, upper, cached);
                uppers.Discard(upper);
            }
            if (!Errno.IsFull(errno))
                break;
        }
        _ = Libc.UnlinkAt(Libc.AtFdCwd, destination, Libc.AtRemoveDir);
        throw DiskFault.Of($"an overlay cannot be mounted on {destination}", errno);
    }

    private string? OutOfSpaceReasonOf(in UpperDirectory upper, string path)
    {
        if (!uppers.HasOverflowed(upper))
            return null;
        var remedy = overlays.Disk is null
            ? "the same inputs are copied to the disk from now on; with work_directory on ext4, " +
                "xfs or btrfs nothing needs to be"
            : "the same inputs get the disk from now on, and --scratch-memory 0 gives it to all";
        return $"the memory for what actions write was full while {path} was in use: " +
            $"'No space left on device' came from there, not from the disk; {remedy}";
    }

    private sealed class OverlayRoot(
        OverlayRoots owner, TreeEntry entry, string path, UpperDirectory upper, bool cached) : IInputRoot
    {
        private int _disposed;

        public string Path => path;

        public string Materialiser => "overlay";

        public bool Cached => cached;

        public long Bytes => entry.Bytes + (entry.Below?.Bytes ?? 0);

        /// <summary>
        /// A rename out of a mount is never possible (rename(2), EXDEV), but
        /// what the action wrote lies in the upper layer whole. Where that
        /// is on disk, it is renamed there; in memory it has to be copied.
        /// </summary>
        public string? UpperLayerPath(string path)
        {
            if (upper.InMemory || !path.StartsWith(Path + "/", StringComparison.Ordinal))
                return null;
            var below = $"{upper.Path}/u{path[Path.Length..]}";
            return Libc.StatxAt(Libc.AtFdCwd, below, Libc.AtSymlinkNoFollow, StatxBuffer.Basic, out var file) == 0
                && file.IsRegular && file.LinkCount == 1 ? below : null;
        }

        public string? OutOfSpaceReason => owner.OutOfSpaceReasonOf(upper, path);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) != 0)
                return;
            var outOfSpace = OutOfSpaceReason;
            OverlayMounts.Unmount(path);
            _ = Libc.UnlinkAt(Libc.AtFdCwd, path, Libc.AtRemoveDir);
            owner.Unmounted(entry, upper, outOfSpace);
        }
    }
}
