namespace NativeLink.Actors.Storage.Trees;

/// <summary>
/// The directories that recent trees have at the paths of another one. Each path is looked up once,
/// below what was found at its parent's, and by name: siblings may be many. Not thread-safe.
/// </summary>
internal sealed class RecentDirectories(IReadOnlyList<DirectoryNode> roots)
{
    // Paths are met by reference: comparing two of them by their names would walk up to the root each time.
    private readonly Dictionary<TreePath, IReadOnlyList<DirectoryNode>> _found = new(
        ReferenceEqualityComparer.Instance);
    private readonly Dictionary<DirectoryNode, Dictionary<string, int>> _names = new(
        ReferenceEqualityComparer.Instance);

    public bool IsEmpty => roots.Count == 0;

    /// <summary>The directories that they have there, at most one a tree.</summary>
    public IReadOnlyList<DirectoryNode> At(TreePath? place)
    {
        var (open, found) = (new Stack<TreePath>(), roots);
        for (; place is not null; place = place.Parent)
        {
            if (_found.TryGetValue(place, out var known))
            {
                found = known;
                break;
            }
            open.Push(place);
        }
        while (open.TryPop(out var next))
            _found.Add(next, found = Below(found, next.Name));
        return found;
    }

    private List<DirectoryNode> Below(IReadOnlyList<DirectoryNode> parents, string name)
    {
        var children = new List<DirectoryNode>(parents.Count);
        foreach (var parent in parents)
        {
            if (NamesOf(parent).TryGetValue(name, out var index))
                children.Add(parent.Children![index]);
        }
        return children;
    }

    private Dictionary<string, int> NamesOf(DirectoryNode node)
    {
        if (_names.TryGetValue(node, out var names))
            return names;
        names = new Dictionary<string, int>(node.Directories.Length, StringComparer.Ordinal);
        for (var i = 0; i < node.Directories.Length; i++)
            names.Add(node.Directories[i].Name, i);
        _names.Add(node, names);
        return names;
    }
}
