
namespace NativeLink.Actors.Storage.WorkDirectories;

/// <summary>
/// Whether a directory may be wiped. It may when it is absent, empty, marked as ours, or holds
/// nothing but marked parts and <c>{operation id}/work</c> trees as NativeLink's worker leaves
/// them; it never may when it is a root, a home or a parent of the store. Changes nothing.
/// </summary>
internal static class WorkDirectoryCheck
{
    /// <summary>Made in every directory that this program has taken as a work directory.</summary>
    internal const string Marker = ".nativelink-actors-work";

    /// <summary>Null when the directory may be wiped; else one sentence that says why not and what to do.</summary>
    /// <param name="path">The configured <c>work_directory</c>.</param>
    /// <param name="mustSurvive">Directories that may not lie in it: stores, caches, the configuration.</param>
    public static string? WhyNot(string path, IEnumerable<string> mustSurvive)
    {
        if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal) || !Path.IsPathRooted(path))
            return $"work_directory '{path}' is not an absolute path; it is wiped at start, " +
                "so name a directory of its own";
        var full = Resolve(path);
        if (full == "/")
            return "work_directory is the root directory; it is wiped at start, so name a directory of its own";
        if (Homes().Any(home => IsAtOrBelow(home, full)))
            return $"work_directory {path} is, or holds, a home directory; it is wiped at start, " +
                "so name a directory of its own";
        foreach (var kept in mustSurvive)
        {
            if (IsAtOrBelow(Resolve(kept), full))
                return $"work_directory {path} holds {kept}, which must survive the wipe at start; " +
                    "put one of them somewhere else";
        }
        return WhyNotByContent(path, full);
    }

    private static string? WhyNotByContent(string path, string full)
    {
        if (File.Exists(full))
            return $"work_directory {path} is a file";
        if (!Directory.Exists(full))
            return null;
        try
        {
            if (File.Exists(Path.Combine(full, Marker)))
                return null;
            foreach (var entry in Directory.EnumerateFileSystemEntries(full))
            {
                if (Path.GetFileName(entry) != "lost+found" && !IsActionTree(entry)
                    && !File.Exists(Path.Combine(entry, Marker)))
                    return $"work_directory {path} holds {entry}, which no worker has left there; " +
                        "it is wiped at start, so name an empty directory or remove that";
            }
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return $"work_directory {path} cannot be read: {error.Message}";
        }
    }

    /// <summary>An action's directory as NativeLink leaves it: it holds <c>work</c>, or nothing.</summary>
    private static bool IsActionTree(string entry)
    {
        if (new FileInfo(entry).LinkTarget is not null || !Directory.Exists(entry))
            return false;
        return Directory.Exists(Path.Combine(entry, "work")) || !Directory.EnumerateFileSystemEntries(entry).Any();
    }

    private static HashSet<string> Homes()
    {
        var homes = new HashSet<string> { "/root", "/home" };
        var own = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (own.Length > 1)
            homes.Add(Resolve(own));
        if (!File.Exists("/etc/passwd"))
            return homes;
        foreach (var line in File.ReadLines("/etc/passwd"))
        {
            if (line.Split(':') is [_, _, _, _, _, { Length: > 1 } home, ..] && home != "/nonexistent")
                homes.Add(Path.TrimEndingDirectorySeparator(home));
        }
        return homes;
    }

    /// <summary>The path without symbolic links, as far as it exists.</summary>
    private static string Resolve(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var resolved = "/";
        foreach (var part in full.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            resolved = Path.Combine(resolved, part);
            // What does not exist yet is no link either; ResolveLinkTarget would throw for it.
            if (new DirectoryInfo(resolved).LinkTarget is not null
                && Directory.ResolveLinkTarget(resolved, returnFinalTarget: true) is { } target)
                resolved = Path.TrimEndingDirectorySeparator(target.FullName);
        }
        return resolved;
    }

    private static bool IsAtOrBelow(string inner, string outer) =>
        inner == outer || inner.StartsWith(outer + "/", StringComparison.Ordinal);
}
