using NativeLink.Actors.Posix;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>
/// Why a file could not be used, in the kernel's words and
/// without its path: whoever says it has named that already.
/// </summary>
internal static class Reasons
{
    public static string Of(Exception error) => error switch
    {
        FileNotFoundException or DirectoryNotFoundException => "No such file or directory",
        UnauthorizedAccessException
        {
            InnerException: IOException
            {
                HResult: > 0 and <= Errno.Largest
            and var code
            }
        } => Errno.Message(code),
        UnauthorizedAccessException => "Permission denied",
        IOException { HResult: > 0 and <= Errno.Largest and var code } => Errno.Message(code),
        _ => error.Message,
    };

    /// <summary>
    /// Why a path can be no directory: it, or what is above it, is a file or a link to nothing. Null if neither is.
    /// </summary>
    public static string? NoDirectory(string full)
    {
        for (var above = full; above is not null && !Directory.Exists(above); above = Path.GetDirectoryName(above))
        {
            var file = new FileInfo(above);
            if (file.LinkTarget is null && !file.Exists)
                continue;
            var what = file.LinkTarget is null
                ? "a file, not a directory"
                : "a symbolic link that leads to no directory";
            return $"{(above == full ? "it" : above)} is {what}";
        }
        return null;
    }

    /// <summary>Whether another process holds the lock on it.</summary>
    public static bool IsLocked(IOException error) => error.HResult == Errno.EAGAIN;
}
