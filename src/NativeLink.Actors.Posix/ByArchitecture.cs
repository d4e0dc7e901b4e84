using System.Runtime.InteropServices;

namespace NativeLink.Actors.Posix;

/// <summary>
/// What Linux has other values for on x64 than on arm64, but for the numbers of system calls, which are in <see
/// cref="SystemCalls"/>
/// (fcntl.h and eventpoll.h of each machine).
/// </summary>
internal static class ByArchitecture
{
    public static readonly bool IsX64 = RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>O_DIRECTORY.</summary>
    public static readonly int OpenDirectory = IsX64 ? 0x10000 : 0x4000;

    /// <summary>O_NOFOLLOW.</summary>
    public static readonly int OpenNoFollow = IsX64 ? 0x20000 : 0x8000;

    /// <summary>
    /// Where the data of a struct epoll_event begins, which is packed on x64 and aligned everywhere else.
    /// </summary>
    public static readonly int EpollDataOffset = IsX64 ? 4 : 8;
}
