namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>Where the cgroup v2 file system is mounted (proc(5), cgroups(7)).</summary>
/// <param name="Own">The directory of the group that this process is in.</param>
internal sealed record CgroupHierarchy(string Own)
{
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
            if (own == shown || own.StartsWith(shown + "/", StringComparison.Ordinal))
                return new CgroupHierarchy(point + own[shown.Length..].TrimEnd('/'));
        }

        return null;
    }

    internal static CgroupHierarchy? Find() =>
        Find(File.ReadLines("/proc/self/cgroup"), File.ReadLines("/proc/self/mountinfo"));
}
