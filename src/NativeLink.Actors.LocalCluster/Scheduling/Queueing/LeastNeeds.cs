namespace NativeLink.Actors.LocalCluster.Scheduling.Queueing;

/// <summary>
/// What a group of waiting things needs at least: the quantities of those that need no more of
/// everything than another, one array each; null when one of them needs nothing. Kept exactly while
/// there are few: then a group that suffices has something in it that can start. Of more,
/// neighbours are taken together: they may seem to need less than they do, never more.
/// </summary>
internal static class LeastNeeds
{
    /// <summary>Real builds ask for a handful of sizes.</summary>
    public const int MostKept = 8;

    public static bool Suffices(ReadOnlySpan<ulong> free, ulong[][]? needs)
    {
        if (needs is null)
            return true;
        foreach (var one in needs)
        {
            if (IsAtMost(one, free))
                return true;
        }

        return false;
    }

    /// <summary>Of two groups together. Makes nothing new where one of them says it all.</summary>
    public static ulong[][]? Of(ulong[][]? one, ulong[][]? other)
    {
        if (one is null || other is null)
            return null;
        if (SaysAllOf(one, other))
            return one;
        if (SaysAllOf(other, one))
            return other;
        var kept = one.Where(mine => !other.Any(theirs => IsAtMost(theirs, mine))).ToList();
        kept.AddRange(other.Where(theirs => !kept.Exists(mine => IsAtMost(mine, theirs))));
        return kept.Count <= MostKept ? [.. kept] : Thinned(kept);
    }

    private static bool SaysAllOf(ulong[][] one, ulong[][] other)
    {
        foreach (var theirs in other)
        {
            if (!Suffices(theirs, one))
                return false;
        }

        return true;
    }

    private static bool IsAtMost(ReadOnlySpan<ulong> needed, ReadOnlySpan<ulong> free)
    {
        for (var i = 0; i < needed.Length; i++)
        {
            if (needed[i] > free[i])
                return false;
        }

        return true;
    }

    /// <summary>Neighbours by the first quantity are the most alike: so the least is lost.</summary>
    private static ulong[][] Thinned(List<ulong[]> needs) =>
        [.. needs.OrderBy(one => one[0]).Chunk(2)
            .Select(pair => pair.Length == 1 ? pair[0] : [.. pair[0].Zip(pair[1], Math.Min)])];
}
