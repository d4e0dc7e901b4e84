using System.Globalization;
using System.Runtime.InteropServices;

namespace NativeLink.Actors.Posix;

/// <summary>Error numbers of Linux (errno(3)), the same on x64 and arm64.</summary>
internal static class Errno
{
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int ESRCH = 3;
    public const int EINTR = 4;
    public const int EIO = 5;
    public const int ENXIO = 6;
    public const int E2BIG = 7;
    public const int ENOEXEC = 8;
    public const int ECHILD = 10;

    /// <summary>EWOULDBLOCK is the same.</summary>
    public const int EAGAIN = 11;

    public const int ENOMEM = 12;
    public const int EACCES = 13;
    public const int EEXIST = 17;
    public const int EXDEV = 18;
    public const int ENOTDIR = 20;
    public const int EINVAL = 22;
    public const int ENFILE = 23;
    public const int EMFILE = 24;
    public const int ETXTBSY = 26;
    public const int ENOSPC = 28;
    public const int EMLINK = 31;
    public const int ENAMETOOLONG = 36;
    public const int ENOSYS = 38;
    public const int ENOTEMPTY = 39;
    public const int ELOOP = 40;
    public const int EDQUOT = 122;

    /// <summary>The largest that the kernel answers (MAX_ERRNO).</summary>
    public const int Largest = 4095;

    /// <summary>Of the last call of this thread that sets it.</summary>
    public static int Last => Marshal.GetLastPInvokeError();

    /// <summary>In the words of strerror(3).</summary>
    public static string Message(int errno) => Marshal.GetPInvokeErrorMessage(errno);

    /// <summary>In the words of strerror(3), with the number.</summary>
    public static string Text(int errno) =>
        string.Create(CultureInfo.InvariantCulture, $"{Message(errno)} (errno {errno})");

    /// <summary>The errno that an exception of .NET's file calls carries.</summary>
    public static int Of(IOException error) => error.HResult is > 0 and <= Largest ? error.HResult : EIO;

    public static bool IsFull(int errno) => errno is ENOSPC or EDQUOT;

    /// <summary>
    /// This process or the machine has run short of descriptors or memory: that says nothing about what was to be
    /// opened.
    /// </summary>
    public static bool IsScarce(int errno) => errno is ENOMEM or EMFILE or ENFILE or EAGAIN;
}
