using System.Text.RegularExpressions;
using NativeLink.Actors.Benchmarks.Crash;
using NativeLink.Actors.Benchmarks.Soak;

namespace NativeLink.Actors.Benchmarks.Chaos;

/// <summary>What must be gone when cluster and workers have ended; each throws when it is not.</summary>
internal static partial class ChaosChecks
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

    /// <summary>
    /// Directories of attempts and what they wrote, wherever a worker keeps or deletes them, and blobs that were
    /// being written; the stores and the cached trees stay.
    /// </summary>
    private static void NoDirectoryIsLeft(string data)
    {
        var work = Path.Combine(data, "work");
        // In local each worker has a part of it, by its number.
        var parts = Entries(work).Where(static path => int.TryParse(Path.GetFileName(path), out _)).Append(work);
        var left = parts.SelectMany(static part => Entries(part)
                .Where(static path => AttemptName().IsMatch(path))
                .Concat(Entries(Path.Combine(part, ".trash")))
                .Concat(Entries(Path.Combine(part, ".scratch")).SelectMany(Entries)))
            .Concat(Entries(Path.Combine(data, "cas-temp"))
                .Where(static path => Path.GetFileName(path) != ".users" && Entries(path).Length > 0))
            .ToList();
        if (left.Count > 0)
            throw new InvalidOperationException($"{left.Count} are left: {string.Join(", ", left.Take(9))}");
    }

    private static string[] Entries(string directory) =>
        Directory.Exists(directory) ? Directory.GetFileSystemEntries(directory) : [];

    [GeneratedRegex(@"/[^/.][^/]*\.\d+$")]
    private static partial Regex AttemptName();
}
