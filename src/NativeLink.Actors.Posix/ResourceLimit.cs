using System.Runtime.InteropServices;

namespace NativeLink.Actors.Posix;

/// <summary><c>struct rlimit</c>, and the resources that have one (prlimit(2), RLIMIT_…).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ResourceLimit
{
    /// <summary>RLIM_INFINITY.</summary>
    public const ulong Infinity = ulong.MaxValue;

    /// <summary>RLIMIT_NPROC: processes and threads of the user.</summary>
    public const int Processes = 6;

    /// <summary>RLIMIT_NOFILE.</summary>
    public const int OpenFiles = 7;

    /// <summary>RLIMIT_RTTIME.</summary>
    public const int RealTime = 15;

    public ulong Soft;
    public ulong Hard;

    /// <summary>
    /// This process's soft limit of a resource; null where there is none, or it cannot be known.
    /// </summary>
    public static unsafe int? OwnSoft(int resource)
    {
        ResourceLimit limit;
        return Libc.ProcessLimit(0, resource, null, &limit) == 0 && limit.Soft <= int.MaxValue
            ? (int)limit.Soft
            : null;
    }
}
