using System.Runtime.InteropServices;

namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>Where the cgroup v2 file system is mounted, and with what (proc(5), cgroups(7)).</summary>
/// <param name="Own">The directory of the group that this process is in.</param>
/// <param name="MountPoint">Where the hierarchy is mounted.</param>
/// <param name="MountOptions">Of this mount, separated by commas.</param>
/// <param name="Options">Of the file system itself, the same for all of its mounts, separated by commas.</param>
internal sealed record CgroupHierarchy(string Own, string MountPoint, string MountOptions, string Options)
{
    private const string Favour = "favordynmods";
    private const ulong Remount = 32;

    /// <summary>
    /// Whether a process enters a group at once. Without this option the kernel waits for every processor to come to rest before a process may change
    /// its group, unless one did so a moment ago: measured 10 to 20 ms where 20 ms or more lie between two actions, 0.25 ms with it.
    /// </summary>
    internal bool IsQuick => Options.Split(',').Contains(Favour);

    /// <summary>Null where no cgroup v2 file system is mounted that shows this process's group.</summary>
    internal static CgroupHierarchy? Find(IEnumerable<string> membership, IEnumerable<string> mounts)
    {
        var own = membership.FirstOrDefault(line => line.StartsWith("0::", StringComparison.Ordinal))?[3..];
        if (own is null) return null;
        foreach (var line in mounts)
        {
            var halves = line.Split(" - ", 2);
            if (halves.Length != 2 || !halves[1].StartsWith("cgroup2 ", StringComparison.Ordinal)) continue;
            var fields = halves[0].Split(' ');
            var (shown, point) = (fields[3].TrimEnd('/'), fields[4]);
            if (own.StartsWith(shown, StringComparison.Ordinal))
                return new CgroupHierarchy(point + own[shown.Length..].TrimEnd('/'), point, fields[5], halves[1].Split(' ')[^1]);
        }

        return null;
    }

    internal static CgroupHierarchy? Find() => Find(File.ReadLines("/proc/self/cgroup"), File.ReadLines("/proc/self/mountinfo"));

    /// <summary>Sets the option for the whole machine, where this process may: everything else that is set stays as it is.</summary>
    /// <returns>Null, or why not.</returns>
    internal string? MakeQuick()
    {
        if (IsQuick) return null;
        var (flags, data) = RemountArguments();
        return Native.Mount(null, MountPoint, null, flags, data) == 0 ? null : Native.ErrorText(Marshal.GetLastPInvokeError());
    }

    /// <summary>What mount(2) has to be told so that only the option is added: a remount takes away what it does not name.</summary>
    internal (ulong Flags, string Data) RemountArguments()
    {
        var flags = Remount;
        foreach (var option in MountOptions.Split(','))
        {
            flags |= option switch
            {
                "ro" => 1,
                "nosuid" => 2,
                "nodev" => 4,
                "noexec" => 8,
                "noatime" => 1024,
                "nodiratime" => 2048,
                "relatime" => 1 << 21,
                _ => 0UL,
            };
        }

        return (flags, string.Join(',', Options.Split(',').Where(option => option is not ("rw" or "ro")).Append(Favour)));
    }
}
