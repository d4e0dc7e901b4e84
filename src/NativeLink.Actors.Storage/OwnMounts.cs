namespace NativeLink.Actors.Storage;

/// <summary>Mounts of this program: they name it as their source, and nothing else is ever unmounted.</summary>
internal static class OwnMounts
{
    /// <summary>What such a mount is to be made with.</summary>
    public const string Source = "nativelink-actors";

    /// <summary>
    /// Unmounts what an earlier run of ours left at or below a path, and with it what actions had mounted inside of
    /// that; answers a mount that stands there still.
    /// </summary>
    public static MountEntry? UnmountBelow(string path)
    {
        foreach (var mount in MountTable.Below(path).Where(IsOurs))
            _ = Libc.Unmount(mount.MountPoint, Libc.UnmountDetach);
        return MountTable.Below(path) is [var left, ..] ? left : null;
    }

    private static bool IsOurs(MountEntry mount) => mount.Source == Source && mount.Type is "overlay" or "tmpfs";
}
