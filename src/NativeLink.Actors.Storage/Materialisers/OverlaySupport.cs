namespace NativeLink.Actors.Storage.Materialisers;

/// <summary>
/// How overlays are mounted whose upper layer is in memory, and on disk; null where that does not
/// work. One of the two does.
/// </summary>
internal sealed record OverlaySupport(OverlayMounts? Memory, OverlayMounts? Disk, string Description)
{
    public OverlayMounts? MountsFor(bool inMemory) => inMemory ? Memory : Disk;

    /// <summary>
    /// Tries both, because either may be needed at any time: an upper layer on an overlay, as a
    /// container's root is, does not work.
    /// </summary>
    /// <param name="whyNot">When the answer is null: what failed, for the log.</param>
    public static OverlaySupport? Probe(string cache, UpperDirectories uppers, out string whyNot)
    {
        var whyNotMemory = "";
        var memory = uppers.Memory is { } path ? OverlayMounts.Probe(cache, path, out whyNotMemory) : null;
        var disk = OverlayMounts.Probe(cache, uppers.Disk, out whyNot);
        if (memory is null && disk is null)
            return null;
        var works = $"works here with {(memory ?? disk)!.Options}";
        return new OverlaySupport(memory, disk, (memory, disk) switch
        {
            (null, _) when uppers.Memory is not null =>
                $"{works}; what actions write goes to disk, because it cannot go to memory: {whyNotMemory}",
            (_, null) =>
                $"{works}; what actions write goes to memory alone, " +
                $"because it cannot go to {uppers.Disk} ({whyNot}): for more, put work_directory on ext4, xfs or btrfs",
            _ => $"{works}; {uppers.Description}",
        });
    }
}
