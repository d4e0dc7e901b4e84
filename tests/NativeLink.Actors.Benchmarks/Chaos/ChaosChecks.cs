using NativeLink.Actors.Benchmarks.Crash;
using NativeLink.Actors.Benchmarks.Soak;

namespace NativeLink.Actors.Benchmarks.Chaos;

/// <summary>What must be gone when cluster and workers have ended; each throws when it is not.</summary>
internal static class ChaosChecks
{
    /// <param name="mark">In the environment of every action.</param>
    public static async Task NothingIsLeftAsync(ChaosCluster cluster, string mark)
    {
        foreach (var directory in cluster.Separate.Select(static worker => worker.Directory).Prepend(cluster.Data))
        {
            CrashChecks.NoMountIsLeft(directory);
            await CrashChecks.NoProcessIsLeftAsync(mark, directory, subject: 0);
            NoDirectoryIsLeft(directory);
        }
        var ids = cluster.Ids.Concat(cluster.Separate.SelectMany(static worker => worker.Ids));
        if (ids.Sum(SoakSample.CountGroups) is > 0 and var groups)
            throw new InvalidOperationException($"{groups} groups are left");
    }

    /// <summary>Attempt directories and uppers go with the action; the store and the cached trees stay.</summary>
    private static void NoDirectoryIsLeft(string data)
    {
        var work = Path.Combine(data, "work");
        var left = Directory.Exists(work)
            ? Directory.EnumerateDirectories(work, "*", SearchOption.AllDirectories)
                .Where(static path => Path.GetFileName(path).StartsWith("operation", StringComparison.Ordinal)).ToList()
            : [];
        if (left.Count > 0)
            throw new InvalidOperationException($"{left.Count} directories are left: {string.Join(", ", left.Take(9))}");
    }
}
