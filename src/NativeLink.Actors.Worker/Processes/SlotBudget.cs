using System.Globalization;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>
/// How many actions this process can run at once with the descriptors and
/// processes that it is allowed (getrlimit(2), cgroup v1 and v2
/// <c>pids.max</c>): better fewer at once than failures in the middle of some.
/// </summary>
internal static class SlotBudget
{
    // What one action takes here at its most: its process and tree, its streams, its inputs and
    // outputs as they are read. And what the process needs besides.
    private const int DescriptorsEach = 16, DescriptorsBesides = 96;

    // Assemblies that it has loaded after its first action, and sockets: below this the runtime
    // itself ends for want of them.
    private const int RuntimeDescriptors = 256;
    private const int ProcessesEach = 8, ProcessesBesides = 96;

    // The runtime's own threads that come after this look; without one of them the process would end, or stand still.
    private const int LeastProcesses = 6;

    /// <summary>The most actions at once, and what bounds them, for the log.</summary>
    /// <exception cref="FaultException">Worker: there are too few descriptors for even one action;
    /// the process itself would end in the middle of it.</exception>
    internal static (int Slots, string Why) Measure()
    {
        var (slots, why) = (int.MaxValue, "");
        var (files, open) = (ResourceLimit.OwnSoft(ResourceLimit.OpenFiles),
            Directory.GetFiles("/proc/self/fd").Length);
        var least = Math.Max(open + DescriptorsEach, RuntimeDescriptors) + DescriptorsEach;
        if (files < least)
            throw new FaultException(
                FaultKind.Worker,
                $"{files} open files are allowed (RLIMIT_NOFILE) and one action needs {least}: " +
                "raise the limit (ulimit -n)");
        Consider(files, open, DescriptorsBesides, DescriptorsEach, "open files (RLIMIT_NOFILE)");
        // Root is not held to it.
        if (!Environment.IsPrivilegedProcess) Consider(
            ResourceLimit.OwnSoft(ResourceLimit.Processes), OwnProcesses(), ProcessesBesides, ProcessesEach,
            "processes (RLIMIT_NPROC)");
        foreach (var group in Groups()) Consider(Read(group + "/pids.max"), Read(group + "/pids.current") ?? 0,
            ProcessesBesides, ProcessesEach, $"processes ({group}/pids.max)");
        return (slots, why);

        void Consider(long? limit, long used, int besides, int each, string name)
        {
            if (limit is not { } most) return;
            if (name.StartsWith("processes", StringComparison.Ordinal) && most - used < LeastProcesses)
                throw new FaultException(
                    FaultKind.Worker,
                    $"{most} {name} are allowed, of which {used} are used, " +
                    $"and at least {LeastProcesses} more are needed: raise the limit");
            var fit = (int)Math.Clamp((most - used - besides) / each, 1, int.MaxValue);
            if (fit < slots) (slots, why) = (fit, string.Create(
                CultureInfo.InvariantCulture, $"{most} {name}, of which {used} are used"));
        }
    }

    /// <summary>
    /// Shares the budget among workers that want so many each, at least one for each; a worker that
    /// wants less leaves it to the others.
    /// </summary>
    internal static IReadOnlyList<int> Share(int budget, IReadOnlyList<int> wanted)
    {
        var given = new int[wanted.Count];
        var left = Math.Max((long)budget, wanted.Count);
        var open = wanted.Count;
        foreach (var index in Enumerable.Range(0, wanted.Count).OrderBy(index => wanted[index]))
        {
            given[index] = (int)Math.Min(wanted[index], Math.Max(1, left / open--));
            left -= given[index];
        }

        return given;
    }

    /// <summary>Processes and threads of this user, which is what the limit counts.</summary>
    private static long OwnProcesses()
    {
        var user = Owner("/proc/self/status");
        return Directory.EnumerateDirectories("/proc")
            .Where(static path => char.IsAsciiDigit(Path.GetFileName(path)[0])).Sum(path =>
        {
            try
            {
                return Owner(path + "/status") == user ? Directory.GetDirectories(path + "/task").Length : 0;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return 0; // It has ended meanwhile.
            }
        });
    }

    private static string? Owner(string status) => File.ReadLines(status)
        .FirstOrDefault(static line => line.StartsWith("Uid:", StringComparison.Ordinal))?.Split('\t')[1];

    /// <summary>
    /// The directories of the groups that this process is
    /// in, up to the mount, where processes may be bounded.
    /// </summary>
    private static IEnumerable<string> Groups()
    {
        foreach (var line in File.ReadLines("/proc/self/mountinfo"))
        {
            var halves = line.Split(" - ", 2);
            if (halves.Length != 2 || halves[1].Split(' ') is not [var type, _, var options, ..]) continue;
            var isOne = type == "cgroup" && options.Split(',').Contains("pids");
            if (!isOne && type != "cgroup2") continue;
            var own = File.ReadLines("/proc/self/cgroup").Select(static group => group.Split(':', 3))
                .FirstOrDefault(group => isOne ? group[1].Split(',').Contains("pids") : group[1].Length == 0)?[2];
            var (shown, point) = (halves[0].Split(' ')[3].TrimEnd('/'), halves[0].Split(' ')[4]);
            if (own is null || !(own == shown || own.StartsWith(shown + "/", StringComparison.Ordinal))) continue;
            for (var path = own[shown.Length..].TrimEnd('/'); ; path = path[..path.LastIndexOf('/')])
            {
                yield return point + path;
                if (path.Length == 0) break;
            }
        }
    }

    private static long? Read(string path)
    {
        try
        {
            return long.TryParse(File.ReadAllText(path), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture,
                out var value) ? value : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null; // Not bounded here.
        }
    }
}
