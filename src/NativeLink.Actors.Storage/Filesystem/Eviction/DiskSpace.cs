using NativeLink.Actors.Storage.Filesystem.Layout;

namespace NativeLink.Actors.Storage.Filesystem.Eviction;

/// <summary>
/// Frees space on a full disk. On any, waits for what is being deleted there. On the store's, evicts blobs first; those
/// that cached trees link to free nothing by that, so the owners of trees are asked to evict some too. More goes in
/// each round, until enough has become free.
/// </summary>
internal sealed class DiskSpace(StoreEviction eviction, StorePaths paths)
{
    private const int Rounds = 6;

    // What was freed may be taken by others before it is used.
    private const int MostAttempts = 8;
    private const long LargestFirstRound = 64L << 20;
    private const long LeastFirstRound = 1L << 20;
    private const int FirstRoundPart = 64;

    // A name or a link takes a block of its directory.
    private const long Least = 64L << 10;

    // For deletions, in all rounds.
    private const int PatienceMilliseconds = 2000;

    private readonly Lock _evicting = new();

    /// <summary>
    /// Asked to free about so many bytes on a disk, at once; answers whether it did free something there. The first is
    /// asked first, and the next only for the rest.
    /// </summary>
    public event Func<Disk, long, bool>? Wanted;

    /// <summary>All bytes of the file system: nothing larger fits, whatever goes.</summary>
    public long Capacity => Disk.CapacityAt(paths.BlobDirectory);

    /// <summary>
    /// Whether something that a full disk refused is to be tried once more, because space was freed for it.
    /// </summary>
    /// <param name="errno">Why it failed.</param>
    /// <param name="attempt">How often it was tried before; from 0.</param>
    /// <param name="bytes">What it needs beside a name.</param>
    /// <param name="path">A path on the full disk; null: the store's.</param>
    public bool TryFreeAfter(int errno, int attempt, long bytes, string? path = null) =>
        Errno.IsFull(errno) && attempt < MostAttempts && TryFree(bytes, path ?? paths.BlobDirectory);

    /// <summary>Frees space on the disk that a path is on.</summary>
    /// <returns>Whether something there was evicted, or something that was being deleted has gone.</returns>
    public bool TryFree(long bytes, string path)
    {
        if (Disk.Of(path) is not { } disk)
            return false;
        var isOurs = disk.Has(paths.BlobDirectory);
        var goal = disk.FreeBytes + Math.Max(bytes, Least);
        var until = Environment.TickCount64 + PatienceMilliseconds;
        var any = false;
        // Without the path, what is free on its disk cannot be told any more.
        for (var round = 0; round < Rounds && Disk.Of(path) is not null; round++)
        {
            var size = Math.Max(bytes, FirstRound(disk) << round);
            var more = isOurs && Evict(disk, size, goal);
            if (!more || disk.FreeBytes < goal)
                more |= DeletionQueue.WaitForSpace(disk, goal, until) | AskOwners(disk, size, goal);
            any |= more;
            if (!more || disk.FreeBytes >= goal)
                break;
        }
        return any;
    }

    /// <summary>
    /// One after the other, so that many who write at once do not each empty the store; who waited
    /// may find that enough is free.
    /// </summary>
    private bool Evict(in Disk disk, long bytes, long goal)
    {
        lock (_evicting)
            return disk.FreeBytes >= goal || eviction.Free(bytes);
    }

    private bool AskOwners(in Disk disk, long bytes, long goal)
    {
        var freed = false;
        foreach (var owner in Wanted?.GetInvocationList() ?? [])
        {
            if (disk.FreeBytes >= goal)
                break;
            freed |= ((Func<Disk, long, bool>)owner)(disk, bytes);
        }
        return freed;
    }

    private static long FirstRound(in Disk disk) =>
        Math.Clamp(disk.Capacity / FirstRoundPart, LeastFirstRound, LargestFirstRound);
}
