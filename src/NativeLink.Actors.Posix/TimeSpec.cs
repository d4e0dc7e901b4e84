using System.Runtime.InteropServices;

namespace NativeLink.Actors.Posix;

/// <summary><c>struct timespec</c> (timespec(3type)).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TimeSpec
{
    /// <summary>UTIME_OMIT in <see cref="Nanoseconds"/>: this time stays as it is (utimensat(2)).</summary>
    public const long Omit = (1L << 30) - 2;

    public long Seconds;
    public long Nanoseconds;
}
