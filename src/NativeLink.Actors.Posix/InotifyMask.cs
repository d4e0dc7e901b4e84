namespace NativeLink.Actors.Posix;

/// <summary>What inotify(7) tells of (IN_…).</summary>
internal static class InotifyMask
{
    public const uint Modify = 0x2, Attributes = 0x4, Moved = 0xC0, Create = 0x100, Delete = 0x200;

    /// <summary>Told without being asked for: happenings were lost, or the watch has ended.</summary>
    public const uint Overflow = 0x4000, Ignored = 0x8000;
}
