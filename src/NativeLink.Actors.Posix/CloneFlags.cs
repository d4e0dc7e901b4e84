namespace NativeLink.Actors.Posix;

/// <summary>
/// What a child shares with its parent, or a thread with its process (clone(2) and unshare(2), CLONE_…).
/// </summary>
internal static class CloneFlags
{
    public const uint Vm = 0x100, PidFd = 0x1000, Vfork = 0x4000;

    /// <summary>clone3(2) only.</summary>
    public const ulong IntoCgroup = 0x2_0000_0000;

    public const int Fs = 0x200, NewMount = 0x20000, NewPid = 0x20000000;
}
