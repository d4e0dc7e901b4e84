using System.Globalization;
using System.Text;

namespace NativeLink.Actors.Posix;

/// <summary>One line of /proc/self/mountinfo (proc_pid_mountinfo(5)).</summary>
internal readonly record struct MountEntry(string MountPoint, string Type, string Source);

/// <summary>The mounts that this process sees.</summary>
internal static class MountTable
{
    /// <summary>
    /// Mounts at or below a path, the innermost and latest first, so that they can be unmounted in
    /// this order. The kernel knows them by names without symlinks.
    /// </summary>
    public static IReadOnlyList<MountEntry> Below(string path)
    {
        var prefix = Path.TrimEndingDirectorySeparator(Libc.Canonical(path, out _) ?? Path.GetFullPath(path)) + "/";
        var found = new List<MountEntry>();
        foreach (var line in File.ReadLines("/proc/self/mountinfo"))
        {
            var fields = line.Split(' ');
            var separator = Array.IndexOf(fields, "-");
            if (separator < 5 || fields.Length < separator + 3)
                continue;
            var point = Unescape(fields[4]);
            if ((point + "/").StartsWith(prefix, StringComparison.Ordinal))
                found.Add(new MountEntry(point, fields[separator + 1], Unescape(fields[separator + 2])));
        }
        found.Reverse();
        return [.. found.OrderByDescending(static mount => mount.MountPoint.Count(static letter => letter == '/'))];
    }

    /// <summary>Space, tab, newline and backslash are written as three octal digits.</summary>
    private static string Unescape(string field)
    {
        if (!field.Contains('\\', StringComparison.Ordinal))
            return field;
        var text = new StringBuilder(field.Length);
        for (var i = 0; i < field.Length; i++)
        {
            if (field[i] == '\\' && i + 3 < field.Length
                && int.TryParse(field.AsSpan(i + 1, 3), NumberStyles.None, CultureInfo.InvariantCulture, out _))
            {
                text.Append((char)Convert.ToInt32(field.Substring(i + 1, 3), 8));
                i += 3;
            }
            else
            {
                text.Append(field[i]);
            }
        }
        return text.ToString();
    }
}
