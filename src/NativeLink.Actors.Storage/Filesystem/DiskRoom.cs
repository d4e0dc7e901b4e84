using NativeLink.Actors.Storage.Native;

namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// Makes room on a full disk: evicts blobs, and as those that cached trees link to free nothing by that, lets the owners of trees give some up too;
/// more in each round, until enough has become free.
/// </summary>
internal sealed class DiskRoom(StoreEviction eviction, StorePaths paths)
{
    private const int Rounds = 6;
    private const long FirstRound = 64L << 20;

    // A name or a link takes a block of its directory.
    private const long Least = 64L << 10;

    /// <summary>Asked to free about so many bytes, at once; answers whether it did free something.</summary>
    public event Func<long, bool>? Wanted;

    /// <summary>False when there was nothing that could be given up.</summary>
    public bool Make(long bytes)
    {
        var goal = Free() + Math.Max(bytes, Least);
        var any = false;
        for (var round = 0; round < Rounds; round++)
        {
            var size = Math.Max(bytes, FirstRound << round);
            var more = eviction.Free(size);
            if (!more || Free() < goal)
                more |= Ask(size);
            any |= more;
            if (!more || Free() >= goal)
                break;
        }
        return any;
    }

    private bool Ask(long bytes)
    {
        var freed = false;
        foreach (var owner in Wanted?.GetInvocationList() ?? [])
            freed |= ((Func<long, bool>)owner)(bytes);
        return freed;
    }

    private long Free() => Libc.FilesystemUse(paths.BlobDirectory, out var use) == 0 ? (long)(use.Free * use.FragmentSize) : 0;
}
