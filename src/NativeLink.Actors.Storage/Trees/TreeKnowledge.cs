namespace NativeLink.Actors.Storage.Trees;

/// <summary>
/// The directories that are known in memory, by digest. Whole trees are held for the most recent roots up to a bound; a directory is known as long
/// as any tree that has it is held or in use. Thread-safe.
/// </summary>
internal sealed class TreeKnowledge(long maxEntries)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Digest, WeakReference<DirectoryNode>> _nodes = [];
    private readonly LinkedList<DirectoryNode> _held = new();
    private readonly Dictionary<Digest, LinkedListNode<DirectoryNode>> _heldByRoot = [];
    private long _heldEntries;
    private int _sweepAt = 4096;

    /// <summary>A complete directory, or null when it is not known.</summary>
    public DirectoryNode? Find(in Digest digest)
    {
        lock (_gate)
            return _nodes.TryGetValue(digest, out var reference) && reference.TryGetTarget(out var node) ? node : null;
    }

    /// <summary>Adds a complete directory; answers the one that was there before, if there was one, so that trees share.</summary>
    public DirectoryNode Share(DirectoryNode node)
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

    /// <summary>Holds a root, as the most recent one.</summary>
    public void Hold(DirectoryNode root)
    {
        lock (_gate)
        {
            if (_heldByRoot.TryGetValue(root.Digest, out var known))
            {
                _held.Remove(known);
                _held.AddLast(known);
                return;
            }
            _heldByRoot.Add(root.Digest, _held.AddLast(root));
            _heldEntries += root.Size.Entries;
            while (_heldEntries > maxEntries && _held.Count > 1)
            {
                var oldest = _held.First!;
                _held.RemoveFirst();
                _heldByRoot.Remove(oldest.Value.Digest);
                _heldEntries -= oldest.Value.Size.Entries;
            }
        }
    }

    /// <summary>The roots that were held last, the latest first.</summary>
    public IReadOnlyList<DirectoryNode> Recent(int count)
    {
        lock (_gate)
        {
            var found = new List<DirectoryNode>(count);
            for (var node = _held.Last; node is not null && found.Count < count; node = node.Previous)
                found.Add(node.Value);
            return found;
        }
    }

    private void Sweep()
    {
        foreach (var dead in _nodes.Where(static pair => !pair.Value.TryGetTarget(out _)).Select(static pair => pair.Key).ToList())
            _nodes.Remove(dead);
        _sweepAt = Math.Max(4096, _nodes.Count * 2);
    }
}
