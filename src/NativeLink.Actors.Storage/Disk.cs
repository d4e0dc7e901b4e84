namespace NativeLink.Actors.Storage;

/// <summary>
/// A mounted file system: what is freed at one of its paths is free at all
/// of them. Two with the same space count as one: subvolumes of btrfs, or
/// an overlay beside the disk below it, have numbers of their own.
/// </summary>
internal readonly struct Disk
{
    private readonly string _path;

    private Disk(string path, ulong device) => (_path, Device) = (path, device);

    /// <summary>Its number while it is mounted (stat(2), <c>st_dev</c>).</summary>
    public ulong Device { get; }

    /// <summary>Bytes that are free, those that are kept for root among them; 0 where that cannot be told.</summary>
    public long FreeBytes => Libc.FilesystemUse(_path, out var use) == 0 ? use.FreeBytes : 0;

    /// <summary>All bytes.</summary>
    public long Capacity => CapacityAt(_path);

    /// <summary>The one that a path is on; null when there is nothing at the path.</summary>
    public static Disk? Of(string path) =>
        Libc.StatxAt(Libc.AtFdCwd, path, 0, StatxBuffer.Basic, out var status) == 0
            ? new Disk(path, status.Device)
            : null;

    /// <summary>All bytes of the one that a path is on; beyond any number where that cannot be told.</summary>
    public static long CapacityAt(string path) =>
        Libc.FilesystemUse(path, out var use) == 0 ? (long)(use.Blocks * use.FragmentSize) : long.MaxValue;

    /// <summary>Whether a path is on it, or on one with the same space.</summary>
    public bool Has(string path) => Of(path) is { } other && (other.Device == Device || HasSpaceOf(other));

    /// <summary>Equal to the block, which two disks that are written to are only when they are one.</summary>
    private bool HasSpaceOf(in Disk other) =>
        Libc.FilesystemUse(_path, out var use) == 0 && Libc.FilesystemUse(other._path, out var others) == 0
        && use.Blocks > 0 && (use.FragmentSize, use.Blocks, use.Free)
            == (others.FragmentSize, others.Blocks, others.Free);
}
