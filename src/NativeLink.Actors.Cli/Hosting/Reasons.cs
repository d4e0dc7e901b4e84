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

    /// <summary>Why a path can be no directory: it, or what is above it, is a file. Null if neither is.</summary>
    public static string? NoDirectory(string full)
    {
        for (var above = full; above is not null; above = Path.GetDirectoryName(above))
        {
            if (File.Exists(above))
                return above == full ? "it is a file, not a directory" : $"{above} is a file, not a directory";
        }
        return null;
    }

    /// <summary>Whether another process holds the lock on it.</summary>
    public static bool IsLocked(IOException error) => error.HResult == Errno.EAGAIN;
}
