namespace NativeLink.Actors.Storage.Trees;

/// <summary>
/// The directories that are known in memory, by digest. Whole trees are
/// retained for the most recent roots up to a bound; a directory is known
/// as long as any tree that has it is retained or in use. Thread-safe.
/// </summary>
internal sealed class DirectoryNodeCache(long maxEntries)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Digest, WeakReference<DirectoryNode>> _nodes = [];
    private readonly LinkedList<DirectoryNode> _retained = new();
    private readonly Dictionary<Digest, LinkedListNode<DirectoryNode>> _retainedByRoot = [];
    private long _retainedEntries;
    private int _sweepAt = 4096;

    /// <summary>A complete directory, or null when it is not known.</summary>
    public DirectoryNode? Find(in Digest digest)
    {
        lock (_gate)
            return _nodes.TryGetValue(digest, out var reference) && reference.TryGetTarget(out var node) ? node : null;
    }

    /// <summary>
    /// Adds a complete directory; answers the one that was
    /// there before, if there was one, so that trees share.
    /// </summary>
    public DirectoryNode Intern(DirectoryNode node)
    {
        lock (_gate)
        {
            if (_nodes.TryGetValue(node.Digest, out var reference))
            {
                if (reference.TryGetTarget(out var known))
                    return known;
                reference.SetTarget(node);
                return node;
            }
            if (_nodes.Count >= _sweepAt)
                Sweep();
            _nodes.Add(node.Digest, new WeakReference<DirectoryNode>(node));
            return node;
        }
    }

    /// <summary>Retains a root, as the most recent one.</summary>
    public void Retain(DirectoryNode root)
    {
        lock (_gate)
        {
            if (_retainedByRoot.TryGetValue(root.Digest, out var known))
            {
                _retained.Remove(known);
                _retained.AddLast(known);
                return;
            }
            _retainedByRoot.Add(root.Digest, _retained.AddLast(root));
            _retainedEntries += root.Size.Entries;
            while (_retainedEntries > maxEntries && _retained.Count > 1)
            {
                var oldest = _retained.First!;
                _retained.RemoveFirst();
                _retainedByRoot.Remove(oldest.Value.Digest);
                _retainedEntries -= oldest.Value.Size.Entries;
            }
        }
    }

    /// <summary>The roots that were retained last, the latest first.</summary>
    public IReadOnlyList<DirectoryNode> RecentRoots(int count)
    {
        lock (_gate)
        {
            var found = new List<DirectoryNode>(count);
            for (var node = _retained.Last; node is not null && found.Count < count; node = node.Previous)
                found.Add(node.Value);
            return found;
        }
    }

    private void Sweep()
    {
        foreach (var dead in _nodes.Where(static pair => !pair.Value.TryGetTarget(out _))
            .Select(static pair => pair.Key).ToList())
            _nodes.Remove(dead);
        _sweepAt = Math.Max(4096, _nodes.Count * 2);
    }
}
