namespace NativeLink.Actors.Posix;

/// <summary>
/// Numbers of system calls (the kernel's unistd.h of each machine): of those that the C library may have no function
/// for, and of those that a child makes
/// before it executes its program.
/// </summary>
internal static class SystemCalls
{
    /// <summary>SIG_SETMASK, the first argument of <see cref="SignalMask"/>.</summary>
    public const int SetMask = 2;

    // The same on all machines.
    public const int PidfdSendSignal = 424, PidfdOpen = 434, Clone3 = 435, CloseRange = 436, OpenAt2 = 437;

    public static int Write => ByArchitecture.IsX64 ? 1 : 64;

    public static int Close => ByArchitecture.IsX64 ? 3 : 57;

    public static int SignalAction => ByArchitecture.IsX64 ? 13 : 134;

    public static int SignalMask => ByArchitecture.IsX64 ? 14 : 135;

    public static int Clone => ByArchitecture.IsX64 ? 56 : 220;

    public static int Execute => ByArchitecture.IsX64 ? 59 : 221;

    public static int ChangeDirectory => ByArchitecture.IsX64 ? 80 : 49;

    public static int SetSession => ByArchitecture.IsX64 ? 112 : 157;

    public static int IoPrioritySet => ByArchitecture.IsX64 ? 251 : 30;

    public static int OpenAt => ByArchitecture.IsX64 ? 257 : 56;

    public static int Duplicate => ByArchitecture.IsX64 ? 292 : 24;

    public static int ProcessLimit => ByArchitecture.IsX64 ? 302 : 261;
}

/// <summary>
/// What a child shares with its parent, or a thread with its process (clone(2) and unshare(2), CLONE_…): with the
/// numbers above, all that the making of a child takes.
/// </summary>
internal static class CloneFlags
{
    public const uint Vm = 0x100, PidFd = 0x1000, Vfork = 0x4000;

    /// <summary>clone3(2) only.</summary>
    public const ulong IntoCgroup = 0x2_0000_0000;

    public const int Fs = 0x200, NewMount = 0x20000, NewPid = 0x20000000;
}
