using NativeLink.Actors.Posix;

namespace NativeLink.Actors.Cli.Client;

/// <summary>
/// Tells regular files from fifos, sockets and devices, which
/// .NET does not, and which would block when opened (statx(2)).
/// </summary>
internal static class FileEntry
{
    /// <summary>
    /// Whether the entry itself, not what it may point
    /// to, is a regular file. False also when it is gone.
    /// </summary>
    public static bool IsRegular(string path) => TryExamine(path, out var status) && status.IsRegular;

    /// <summary>Whether there is an entry of this very name, a symlink not followed.</summary>
    public static bool IsThere(string path) => TryExamine(path, out _);

    private static bool TryExamine(string path, out StatxBuffer status) =>
        Libc.StatxAt(Libc.AtFdCwd, path, Libc.AtSymlinkNoFollow, StatxBuffer.Type, out status) == 0;
}
