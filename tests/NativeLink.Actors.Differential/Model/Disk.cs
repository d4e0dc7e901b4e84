namespace NativeLink.Actors.Differential.Model;

/// <summary>
/// A model of an input root, in which an action's steps
/// happen as they do on disk. Paths are relative to it.
/// </summary>
internal sealed class Disk(DirectoryItem root)
{
    private const int MostLinks = 40;

    public DirectoryItem Root { get; } = root;

    /// <summary>Every directory that is reached without a link, with its path; the root's is empty.</summary>
    public IEnumerable<(string Path, DirectoryItem Directory)> Directories() => Below("", Root);

    public IEnumerable<(string Path, Node Node)> All() =>
        Directories().SelectMany(
            entry => entry.Directory.Entries.Select(child => (Join(entry.Path, child.Key), child.Value)));

    /// <summary>The directory of a path and the last name in it; no link is followed.</summary>
    public (DirectoryItem Parent, string Name) Place(string path)
    {
        var slash = path.LastIndexOf('/');
        var parent = slash < 0 ? Root : (DirectoryItem)Get(path[..slash])!;
        return (parent, path[(slash + 1)..]);
    }

    /// <summary>What is at a path; no link is followed. Null when nothing is.</summary>
    public Node? Get(string path)
    {
        Node? node = Root;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
            node = (node as DirectoryItem)?.Entries.GetValueOrDefault(part);
        return node;
    }

    public void Set(string path, Node node)
    {
        var (parent, name) = Place(path);
        parent.Entries[name] = node;
    }

    public void Remove(string path)
    {
        var (parent, name) = Place(path);
        parent.Entries.Remove(name);
    }

    /// <summary>Makes a directory and those above it, as far as they are not there.</summary>
    public void MakeDirectories(string path, uint mode)
    {
        var at = Root;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!at.Entries.TryGetValue(part, out var next))
                at.Entries.Add(part, next = new DirectoryItem(mode));
            at = (DirectoryItem)next;
        }
    }

    /// <summary>
    /// What a path comes to when all links are followed, with the path without links; the last part
    /// is followed only when asked. Null: nothing, a loop, or outside of the model.
    /// </summary>
    public (Node Node, string Path)? Resolve(string path, bool followLast) => Resolve(path, followLast, out _);

    /// <summary>Whether a path comes to <c>/dev/null</c> when all links are followed.</summary>
    public bool LeadsToNull(string path) => Resolve(path, followLast: true, out var leavesTo) is null
        && leavesTo == "/dev/null";

    private (Node Node, string Path)? Resolve(string path, bool followLast, out string? leavesTo)
    {
        leavesTo = null;
        var open = new Stack<string>(Parts(path).Reverse());
        var reached = new List<string>();
        var links = 0;
        while (open.TryPop(out var part))
        {
            if (part == "..")
            {
                if (reached.Count == 0)
                    return null;
                reached.RemoveAt(reached.Count - 1);
                continue;
            }
            if (Get(string.Join('/', reached)) is not DirectoryItem directory
                || !directory.Entries.TryGetValue(part, out var node))
                return null;
            if (node is LinkItem link && (open.Count > 0 || followLast))
            {
                if (++links > MostLinks)
                    return null;
                if (!link.Rooted && link.Target.StartsWith('/'))
                {
                    leavesTo = open.Count == 0 ? link.Target : null;
                    return null;
                }
                if (link.Rooted)
                    reached.Clear();
                foreach (var step in Parts(link.Target).Reverse())
                    open.Push(step);
                continue;
            }
            reached.Add(part);
        }
        var at = string.Join('/', reached);
        return Get(at) is { } found ? (found, at) : null;
    }

    public static string Join(string directory, string name) => directory.Length == 0 ? name : $"{directory}/{name}";

    private static IEnumerable<string> Parts(string path) =>
        path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part != ".");

    private static IEnumerable<(string Path, DirectoryItem Directory)> Below(string path, DirectoryItem directory)
    {
        yield return (path, directory);
        foreach (var (name, node) in directory.Entries)
        {
            if (node is not DirectoryItem child)
                continue;
            foreach (var found in Below(Join(path, name), child))
                yield return found;
        }
    }
}
