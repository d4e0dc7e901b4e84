using System.Runtime.InteropServices;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>Numbers of the system calls that a child makes before it executes its program (the kernel's unistd.h of each machine).</summary>
internal static class Syscalls
{
    /// <summary>SIG_SETMASK, the first argument of <see cref="SignalMask"/>.</summary>
    internal const int SetMask = 2;

    // The same on all machines.
    internal const int PidfdSendSignal = 424, Clone3 = 435, CloseRange = 436;

    private static readonly bool _x64 = RuntimeInformation.ProcessArchitecture == Architecture.X64;

    internal static int Close => _x64 ? 3 : 57;

    internal static int SignalAction => _x64 ? 13 : 134;

    internal static int SignalMask => _x64 ? 14 : 135;

    internal static int Clone => _x64 ? 56 : 220;

    internal static int Execute => _x64 ? 59 : 221;

    internal static int ChangeDirectory => _x64 ? 80 : 49;

    internal static int SetSession => _x64 ? 112 : 157;

    internal static int OpenAt => _x64 ? 257 : 56;

    internal static int Duplicate => _x64 ? 292 : 24;

    internal static int ProcessLimit => _x64 ? 302 : 261;
}
