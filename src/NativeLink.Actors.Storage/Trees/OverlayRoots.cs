using NativeLink.Actors.Storage.Native;

namespace NativeLink.Actors.Storage.Trees;

/// <summary>Input roots as overlay mounts over cached trees: what an action changes is copied up, the tree below never changes.</summary>
internal sealed class OverlayRoots(TreeCache cache, TreeConstruction construction, OverlayMounts mounts, Scratch scratch, InputRootsCounters counters)
{
    private const int Attempts = 3;

    private readonly SingleFlight<TreeEntry> _flights = new(cache.Unpin);

    public async Task<IInputRoot> MaterialiseAsync(Digest root, string destination, ITreeSource source, CancellationToken cancellation)
    {
        var cached = true;
        var entry = PinSound(root);
        if (entry is null)
        {
            cached = false;
            entry = await _flights.RunAsync(
                root,
                token => construction.BuildAsync(root, source, token),
                built =>
                {
                    cache.PinAgain(built);
                    return built;
                },
                cancellation);
        }
        counters.AddRoot(cached);
        try
        {
            return Mount(entry, destination, cached);
        }
        catch
        {
            cache.Unpin(entry);
            throw;
        }
    }

    public void Unmounted(TreeEntry entry, string upper)
    {
        scratch.Discard(upper);
        cache.Unpin(entry);
    }

    private TreeEntry? PinSound(in Digest root)
    {
        if (cache.TryPin(root) is not { } entry)
            return null;
        var broken = FindDamage(entry) ?? (entry.Below is null ? null : FindDamage(entry.Below));
        if (broken is null)
            return entry;
        counters.AddDamaged();
        cache.Drop(broken, "its files on disk are not those that were put there");
        cache.Unpin(entry);
        return null;
    }

    private TreeEntry? FindDamage(TreeEntry entry)
    {
        if (!entry.IsIntact())
            return entry;
        if (!entry.IsUnproven)
            return null;
        // The machine was restarted since it was built: the kernel may not have written all of it.
        if (construction.NodeOf(entry) is not { } node || !TreeProof.Holds(node, entry, construction.NodeOf))
            return entry;
        entry.IsUnproven = false;
        return null;
    }

    private OverlayRoot Mount(TreeEntry entry, string destination, bool cached)
    {
        if (Libc.MakeDirectoryAt(Libc.AtFdCwd, destination, 0x1ED) != 0)
            throw Errno.LastFault($"input root {destination} cannot be made");
        for (var attempt = 1; ; attempt++)
        {
            var upper = scratch.NewUpper(onDisk: attempt > 1);
            var errno = mounts.Mount(entry.Layers, upper + "/u", upper + "/w", destination);
            if (errno == 0)
                return new OverlayRoot(this, entry, destination, upper, cached);
            scratch.Discard(upper);
            // A tmpfs that is full takes no upper layer; the disk may.
            if (attempt >= Attempts || !Errno.IsFull(errno))
            {
                _ = Libc.UnlinkAt(Libc.AtFdCwd, destination, Libc.AtRemoveDir);
                throw Errno.Fault($"an overlay cannot be mounted on {destination}", errno);
            }
        }
    }

    private sealed class OverlayRoot(OverlayRoots owner, TreeEntry entry, string path, string upper, bool cached) : IInputRoot
    {
        private int _disposed;

        public string Path => path;

        public string Materialiser => "overlay";

        public bool Cached => cached;

        public long Bytes => entry.Bytes + (entry.Below?.Bytes ?? 0);

        /// <summary>A rename out of a mount is never possible (rename(2), EXDEV).</summary>
        public bool CanMoveOut(string path) => false;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) != 0)
                return;
            OverlayMounts.Unmount(path);
            _ = Libc.UnlinkAt(Libc.AtFdCwd, path, Libc.AtRemoveDir);
            owner.Unmounted(entry, upper);
        }
    }
}
