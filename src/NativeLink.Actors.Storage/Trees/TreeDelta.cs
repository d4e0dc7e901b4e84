namespace NativeLink.Actors.Storage.Trees;

/// <summary>
/// What differs between two complete trees. Directories
/// with equal digests are equal and never looked into.
/// </summary>
internal static class TreeDelta
{
    /// <summary>
    /// Entries that a delta would hold, whiteouts included; above <paramref name="limit"/> the
    /// search ends with a larger number.
    /// </summary>
    public static long Cost(DirectoryNode old, DirectoryNode node, long limit)
    {
        long cost = Removed(old, node).Count() + ChangedFiles(old, node).Count() + ChangedSymlinks(old, node).Count();
        foreach (var (_, before, after) in ChangedDirectories(old, node))
        {
            cost += 1 + (before is null ? after.Size.Entries : Cost(before, after, limit - cost));
            if (cost > limit)
                break;
        }
        return cost;
    }

    /// <summary>The files with content that a delta needs.</summary>
    public static void CollectFiles(DirectoryNode old, DirectoryNode node, HashSet<Digest> found)
    {
        foreach (var file in ChangedFiles(old, node))
        {
            if (!file.Digest.IsEmpty)
                found.Add(file.Digest);
        }
        foreach (var (_, before, after) in ChangedDirectories(old, node))
        {
            if (before is null)
                found.UnionWith(after.AllFiles());
            else
                CollectFiles(before, after, found);
        }
    }

    /// <summary>Names to hide: they are in the old directory and in no form in the new one.</summary>
    public static IEnumerable<string> Removed(DirectoryNode old, DirectoryNode node)
    {
        var kept = new HashSet<string>(node.Files.Select(static file => file.Name));
        kept.UnionWith(node.Symlinks.Select(static link => link.Name));
        kept.UnionWith(node.Directories.Select(static child => child.Name));
        return old.Files.Select(static file => file.Name)
            .Concat(old.Symlinks.Select(static link => link.Name))
            .Concat(old.Directories.Select(static child => child.Name))
            .Where(name => !kept.Contains(name));
    }

    public static IEnumerable<FileItem> ChangedFiles(DirectoryNode old, DirectoryNode node)
    {
        var before = new HashSet<FileItem>(old.Files);
        return node.Files.Where(file => !before.Contains(file));
    }

    public static IEnumerable<SymlinkItem> ChangedSymlinks(DirectoryNode old, DirectoryNode node)
    {
        var before = new HashSet<SymlinkItem>(old.Symlinks);
        return node.Symlinks.Where(link => !before.Contains(link));
    }

    /// <summary>Directories that are new (no old one) or differ.</summary>
    public static IEnumerable<(string Name, DirectoryNode? Before, DirectoryNode After)> ChangedDirectories(
        DirectoryNode old, DirectoryNode node)
    {
        var before = new Dictionary<string, DirectoryNode>(old.Directories.Length);
        for (var i = 0; i < old.Directories.Length; i++)
            before.Add(old.Directories[i].Name, old.Children![i]);
        for (var i = 0; i < node.Directories.Length; i++)
        {
            var name = node.Directories[i].Name;
            if (!before.TryGetValue(name, out var known) || known.Digest != node.Directories[i].Digest)
                yield return (name, known, node.Children![i]);
        }
    }
}
