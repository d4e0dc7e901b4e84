using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Configuration.Reading;

namespace NativeLink.Actors.Configuration.Validation;

/// <summary>
/// A work directory is wiped at start, so it must not be, hold or lie in anything of value: a home
/// or system directory, a store, the cache of trees, another worker's work directory.
/// </summary>
internal static class WorkDirectoryChecks
{
    private static readonly HashSet<string> System = new(StringComparer.Ordinal)
    {
        "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/proc", "/root", "/run",
        "/sbin", "/srv", "/sys", "/tmp", "/usr",
        "/usr/bin", "/usr/lib", "/usr/local", "/usr/share", "/var", "/var/cache", "/var/lib", "/var/log", "/var/run",
        "/var/tmp", "/dev/shm",
    };

    public static void Check(ReadContext context, NativeLinkConfig config, WorkerConfig worker)
    {
        var (path, at) = (worker.WorkDirectory, worker.WorkDirectoryAt);
        if (path.Length == 0)
            return;
        if (System.Contains(path))
            context.Error(
                at,
                $"{path} belongs to the system, and a work directory is wiped at start: " +
                $"write a directory of its own, such as {path}/nativelink-work");
        else if (IsHome(path, context.Variables("HOME")))
            context.Error(
                at,
                $"{path} is a home directory, and a work directory is wiped at start: write a directory of its own, " +
                $"such as {path}/nativelink-work");
        foreach (var store in config.Stores.SelectMany(named => FilesystemStores(named.Store)))
            CheckStore(context, worker, store);
        if (worker.DirectoryCache?.CacheRoot is { } root && Overlap(path, root))
            context.Error(
                at,
                $"the work directory {path} and 'cache_root' {root} lie in each other: " +
                "the wipe at start would reach the cache, so separate them");
        foreach (var other in config.Workers.TakeWhile(other => !ReferenceEquals(other, worker))
            .Where(other => Overlap(path, other.WorkDirectory)))
            context.Error(
                at,
                $"{path} and {other.WorkDirectory}, the work directory of another worker in this file, " +
                "lie in each other: give each worker its own");
    }

    /// <summary>Whether one path is the other or lies in it.</summary>
    private static bool Overlap(string left, string right) =>
        left.Length > 0 && right.Length > 0 && (Holds(left, right) || Holds(right, left));

    private static bool Holds(string parent, string child) =>
        child == parent || child.StartsWith(parent + "/", StringComparison.Ordinal);

    private static bool IsHome(string path, string? home) =>
        (home is { Length: > 1 } && Path.TrimEndingDirectorySeparator(home) == path)
            || Path.GetDirectoryName(path) == "/home";

    private static void CheckStore(ReadContext context, WorkerConfig worker, FilesystemStore store)
    {
        foreach (var (key, directory) in ((string, string)[])[("content_path", store.ContentPath),
            ("temp_path", store.TempPath)])
        {
            if (directory.Length > 0 && Overlap(worker.WorkDirectory, directory))
                context.Error(
                    worker.WorkDirectoryAt,
                    $"the work directory {worker.WorkDirectory} and {directory}, " +
                    $"the '{key}' of the store at line {store.At.Line}, lie in each other: " +
                    "a wipe at start would reach the store, so separate them");
        }
    }

    private static IEnumerable<FilesystemStore> FilesystemStores(StoreConfig store) =>
        store is FilesystemStore found ? [found] : store.Inner.SelectMany(FilesystemStores);
}
