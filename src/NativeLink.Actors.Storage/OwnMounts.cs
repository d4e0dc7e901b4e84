namespace NativeLink.Actors.Storage;

/// <summary>Mounts of this program: they name it as their source, and nothing else is ever unmounted.</summary>
internal static class OwnMounts
{
    /// <summary>What such a mount is to be made with.</summary>
    public const string Source = "nativelink-actors";

    /// <summary>
    /// Unmounts what an earlier run of ours left at or below a path; answers the first mount there
    /// that is not ours, which stays.
    /// </summary>
    public static MountEntry? UnmountBelow(string path)
    {
        MountEntry? foreign = null;
        foreach (var mount in MountTable.Below(path))
        {
            if (IsOurs(mount) && Libc.Unmount(mount.MountPoint, Libc.UnmountDetach) == 0)
                continue;
            foreign ??= mount;
        }
        return foreign;
    }

    private static bool IsOurs(MountEntry mount) => mount.Source == Source && mount.Type is "overlay" or "tmpfs";
}
