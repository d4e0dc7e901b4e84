namespace NativeLink.Actors.Storage.DirectoryCache;

/// <summary>What the making of input roots has done since it was opened.</summary>
/// <param name="Hits">Roots that were cached as a whole.</param>
/// <param name="Misses">Roots for which something had to be built.</param>
/// <param name="WholeTrees">Trees built as a whole.</param>
/// <param name="Deltas">Trees built as a delta over a cached one.</param>
/// <param name="DirectoriesAsked">Directory messages that were asked for.</param>
/// <param name="DirectoriesReused">Directories of missed roots that were known already.</param>
/// <param name="DamagedTrees">Cached trees found damaged and built again.</param>
internal readonly record struct InputRootsStatistics(
    long Hits,
    long Misses,
    long WholeTrees,
    long Deltas,
    long DirectoriesAsked,
    long DirectoriesReused,
    long DamagedTrees);

/// <summary>Counts for <see cref="InputRootsStatistics"/>.</summary>
internal sealed class InputRootsCounters
{
    private long _hits;
    private long _misses;
    private long _whole;
    private long _deltas;
    private long _asked;
    private long _reused;
    private long _damaged;

    public InputRootsStatistics Snapshot => new(
        Interlocked.Read(ref _hits),
        Interlocked.Read(ref _misses),
        Interlocked.Read(ref _whole),
        Interlocked.Read(ref _deltas),
        Interlocked.Read(ref _asked),
        Interlocked.Read(ref _reused),
        Interlocked.Read(ref _damaged));

    public void AddRoot(bool cached)
    {
        if (cached)
            Interlocked.Increment(ref _hits);
        else
            Interlocked.Increment(ref _misses);
    }

    public void AddBuild(bool delta)
    {
        if (delta)
            Interlocked.Increment(ref _deltas);
        else
            Interlocked.Increment(ref _whole);
    }

    public void AddDirectories(long asked, long all)
    {
        Interlocked.Add(ref _asked, asked);
        Interlocked.Add(ref _reused, Math.Max(0, all - asked));
    }

    public void AddDamaged() => Interlocked.Increment(ref _damaged);
}
