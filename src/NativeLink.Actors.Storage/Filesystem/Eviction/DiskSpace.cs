using NativeLink.Actors.Storage.Filesystem.Layout;


namespace NativeLink.Actors.Storage.Filesystem.Eviction;

/// <summary>
/// Frees space on a full disk: evicts blobs, and as those that cached trees link to free nothing by that, lets the owners of trees evict some too;
/// more in each round, until enough has become free.
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

    private readonly Lock _evicting = new();

    /// <summary>Asked to free about so many bytes, at once; answers whether it did free something. The first is asked first, and the next only for the rest.</summary>
    public event Func<long, bool>? Wanted;

    /// <summary>All bytes of the file system: nothing larger fits, whatever goes.</summary>
    public long Capacity => Libc.FilesystemUse(paths.BlobDirectory, out var use) == 0 ? (long)(use.Blocks * use.FragmentSize) : long.MaxValue;

    /// <summary>
    /// Whether something that a full disk refused is to be tried once more, because space was freed for it.
    /// </summary>
    /// <param name="errno">Why it failed.</param>
    /// <param name="attempt">How often it was tried before; from 0.</param>
    /// <param name="bytes">What it needs beside a name.</param>
    public bool TryFreeAfter(int errno, int attempt, long bytes) => Errno.IsFull(errno) && attempt < MostAttempts && TryFree(bytes);

    /// <summary>Whether what is evicted here is free at another path then: both stand on the same file system.</summary>
    public bool IsFor(string path) =>
        Libc.StatxAt(Libc.AtFdCwd, path, 0, StatxBuffer.Basic, out var theirs) == 0
        && Libc.StatxAt(Libc.AtFdCwd, paths.BlobDirectory, 0, StatxBuffer.Basic, out var ours) == 0
        && theirs.Device == ours.Device;

    /// <summary>False when there was nothing that could be evicted.</summary>
    public bool TryFree(long bytes)
    {
        var goal = FreeBytes() + Math.Max(bytes, Least);
        var any = false;
        for (var round = 0; round < Rounds; round++)
        {
            var size = Math.Max(bytes, FirstRound() << round);
            var more = Evict(size, goal);
            if (!more || FreeBytes() < goal)
                more |= AskOwners(size, goal);
            any |= more;
            if (!more || FreeBytes() >= goal)
                break;
        }
        return any;
    }

    /// <summary>One after the other, so that many who write at once do not each empty the store; who waited may find that enough is free.</summary>
    private bool Evict(long bytes, long goal)
    {
        lock (_evicting)
            return FreeBytes() >= goal || eviction.Free(bytes);
    }

    private bool AskOwners(long bytes, long goal)
    {
        var freed = false;
        foreach (var owner in Wanted?.GetInvocationList() ?? [])
        {
            freed |= ((Func<long, bool>)owner)(bytes);
            if (FreeBytes() >= goal)
                break;
        }
        return freed;
    }

    private long FirstRound() => Math.Clamp(Capacity / FirstRoundPart, LeastFirstRound, LargestFirstRound);

    /// <summary>Bytes that are free for anybody.</summary>
    public long FreeBytes() => Libc.FilesystemUse(paths.BlobDirectory, out var use) == 0 ? (long)(use.Free * use.FragmentSize) : 0;
}
