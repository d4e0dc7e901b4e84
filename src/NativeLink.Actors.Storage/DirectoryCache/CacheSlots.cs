using System.Globalization;

namespace NativeLink.Actors.Storage.DirectoryCache;

/// <summary>
/// The parts of a directory cache, one a process: <c>slot-N</c> with a lock in it, which the kernel
/// drops when its process ends.
/// </summary>
internal static class CacheSlots
{
    private const int Slots = 64;

    // Processes that are restarted together do not take each other's slots for dead.
    private static readonly TimeSpan DeadAfter = TimeSpan.FromHours(1);

    /// <summary>Takes the first slot that nobody has.</summary>
    /// <exception cref="FaultException">All are in use.</exception>
    public static (DirectoryLock Slot, string Path) Take(string root, TimeProvider time)
    {
        for (var i = 0; i < Slots; i++)
        {
            var path = PathOf(root, i);
            Directory.CreateDirectory(path);
            if (DirectoryLock.TryTake(LockOf(path)) is not { } taken)
                continue;
            File.SetLastWriteTimeUtc(LockOf(path), time.GetUtcNow().UtcDateTime);
            return (taken, path);
        }
        throw new FaultException(FaultKind.Storage,
            $"directory cache {root} is in use by {Slots} processes already; give some of them another cache_root");
    }

    /// <summary>
    /// Hands over what is in slots whose processes have ended and that
    /// nobody has used for an hour: nobody else would ever delete it.
    /// The lock stays, because another process may be about to take it.
    /// </summary>
    public static void HandOverDead(string root, string own, TimeProvider time, Action<string> take)
    {
        for (var i = 0; i < Slots; i++)
        {
            var path = PathOf(root, i);
            if (path == own || !File.Exists(LockOf(path)))
                continue;
            try
            {
                using var held = DirectoryLock.TryTake(LockOf(path));
                if (held is null || time.GetUtcNow() - LastUse(path) < DeadAfter)
                    continue;
                foreach (var entry in Directory.EnumerateDirectories(path).ToList())
                    take(entry);
            }
            catch (Exception error) when (error is FaultException or IOException or UnauthorizedAccessException)
            {
                // Another user's: theirs to clean.
            }
        }
    }

    /// <summary>The latest of: its process's start, a tree that came or went, a tree's use.</summary>
    private static DateTimeOffset LastUse(string slot)
    {
        var trees = Path.Combine(slot, "trees");
        var times = new List<string> { LockOf(slot), trees };
        if (Directory.Exists(trees))
            times.AddRange(Directory.EnumerateDirectories(trees).Select(static tree => Path.Combine(tree, "record")));
        return times.Max(File.GetLastWriteTimeUtc);
    }

    private static string PathOf(string root, int number) =>
        Path.Combine(root, string.Create(CultureInfo.InvariantCulture, $"slot-{number}"));

    private static string LockOf(string slot) => Path.Combine(slot, ".lock");
}
