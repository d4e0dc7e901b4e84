using System.Globalization;

namespace NativeLink.Actors.Posix;

/// <summary>Who holds the lock of a file, for people, from the kernel's list (proc(5), /proc/locks).</summary>
internal static class LockHolder
{
    private const int Type = 1;
    private const int Process = 4;
    private const int File = 5;

    /// <summary>"process 12 (name)", or "another process" where it cannot be told.</summary>
    public static string Of(string path)
    {
        try
        {
            if (Libc.StatxAt(Libc.AtFdCwd, path, 0, StatxBuffer.Basic, out var status) != 0)
                return "another process";
            var inode = string.Create(CultureInfo.InvariantCulture,
                $"{status.DevMajor:x2}:{status.DevMinor:x2}:{status.Inode}");
            foreach (var line in System.IO.File.ReadLines("/proc/locks"))
            {
                // Those that wait have an arrow in the place of the type.
                var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (fields.Length > File && fields[Type] == "FLOCK" && fields[File] == inode)
                    return Describe(fields[Process]);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Where /proc is not to be read, the lock's own name has to do.
        }
        return "another process";
    }

    private static string Describe(string process)
    {
        var name = $"/proc/{process}/comm";
        return System.IO.File.Exists(name)
            ? $"process {process} ({System.IO.File.ReadAllText(name).Trim()})"
            : $"process {process}";
    }
}
