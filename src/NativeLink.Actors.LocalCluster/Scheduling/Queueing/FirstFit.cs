using System.Security.Cryptography;
using NativeLink.Actors.LocalCluster.Scheduling.Workers;

namespace NativeLink.Actors.LocalCluster.Scheduling.Queueing;

/// <summary>
/// Something that waits, or a group of such: what it
/// needs at least, and what of it a worker can start.
/// </summary>
internal interface IWaiting
{
    /// <summary>
    /// What it needs at least of the <c>minimum</c> properties, as
    /// <see cref="LeastNeeds"/> has it; null when it needs none.
    /// </summary>
    ulong[][]? Needs { get; }

    /// <summary>What this worker starts of it; null when it cannot take any of it now.</summary>
    ScheduledOperation? PickFor(ConnectedWorker worker);
}

/// <summary>
/// Items in order, each of which needs something: finds the first one that a worker can take
/// without asking all before it. A balanced tree (a treap) in which each node knows the least that
/// what is below it needs. An item's order may not change while it is in here.
/// </summary>
internal sealed class FirstFit<T>(IComparer<T> order)
    where T : class, IWaiting
{
    private Node? _root;
    private uint _random = TreeSeeds.Next();

    public int Count { get; private set; }

    public ulong[][]? Least => _root?.Least;

    public T? First
    {
        get
        {
            var node = _root;
            while (node?.Left is { } left)
                node = left;
            return node?.Item;
        }
    }

    public void Add(T item)
    {
        // Xorshift: the tree's shape needs no better chance.
        _random ^= _random << 13;
        _random ^= _random >> 17;
        _random ^= _random << 5;
        _root = Insert(_root, new Node(item, _random));
        Count++;
    }

    /// <summary>An item that is not in here is no mistake.</summary>
    public void Remove(T item) => _root = Remove(_root, item);

    /// <summary>What the item needs has changed.</summary>
    public void Refresh(T item) => Refresh(_root, item);

    public ScheduledOperation? PickFor(ConnectedWorker worker) => Pick(_root, worker);

    public IEnumerable<T> InOrder()
    {
        var pending = new Stack<Node>();
        for (var node = _root; node is not null || pending.Count > 0; node = node.Right)
        {
            for (; node is not null; node = node.Left)
                pending.Push(node);
            node = pending.Pop();
            yield return node.Item;
        }
    }

    private static ScheduledOperation? Pick(Node? node, ConnectedWorker worker)
    {
        if (node is null || !LeastNeeds.Suffices(worker.Properties.Free, node.Least))
            return null;
        return Pick(node.Left, worker) ?? node.Item.PickFor(worker) ?? Pick(node.Right, worker);
    }

    private Node Insert(Node? root, Node added)
    {
        if (root is null)
            return added;
        if (order.Compare(added.Item, root.Item) < 0)
        {
            root.Left = Insert(root.Left, added);
            if (root.Left.Weight > root.Weight)
                root = RaiseLeft(root);
        }
        else
        {
            root.Right = Insert(root.Right, added);
            if (root.Right.Weight > root.Weight)
                root = RaiseRight(root);
        }

        root.Update();
        return root;
    }

    private Node? Remove(Node? root, T item)
    {
        if (root is null)
            return null;
        if (ReferenceEquals(root.Item, item))
        {
            Count--;
            return Merge(root.Left, root.Right);
        }

        if (order.Compare(item, root.Item) < 0)
            root.Left = Remove(root.Left, item);
        else
            root.Right = Remove(root.Right, item);
        root.Update();
        return root;
    }

    private void Refresh(Node? root, T item)
    {
        if (root is null)
            return;
        if (!ReferenceEquals(root.Item, item))
            Refresh(order.Compare(item, root.Item) < 0 ? root.Left : root.Right, item);
        root.Update();
    }

    private static Node? Merge(Node? left, Node? right)
    {
        if (left is null || right is null)
            return left ?? right;
        if (left.Weight > right.Weight)
        {
            left.Right = Merge(left.Right, right);
            left.Update();
            return left;
        }

        right.Left = Merge(left, right.Left);
        right.Update();
        return right;
    }

    private static Node RaiseLeft(Node root)
    {
        var raised = root.Left!;
        (root.Left, raised.Right) = (raised.Right, root);
        root.Update();
        return raised;
    }

    private static Node RaiseRight(Node root)
    {
        var raised = root.Right!;
        (root.Right, raised.Left) = (raised.Left, root);
        root.Update();
        return raised;
    }

    private sealed class Node(T item, uint weight)
    {
        public T Item => item;

        public uint Weight => weight;

        public Node? Left { get; set; }

        public Node? Right { get; set; }

        /// <summary>Of this item and all below.</summary>
        public ulong[][]? Least { get; private set; } = item.Needs;

        public void Update()
        {
            Least = item.Needs;
            if (Left is not null)
                Least = LeastNeeds.Of(Least, Left.Least);
            if (Right is not null)
                Least = LeastNeeds.Of(Least, Right.Least);
        }
    }
}

/// <summary>
/// Where trees begin to draw their weights: who chooses what goes into one, and in which order,
/// must not be able to choose its shape too.
/// </summary>
internal static class TreeSeeds
{
    private static uint _last = (uint)RandomNumberGenerator.GetInt32(int.MaxValue);

    /// <summary>Never 0.</summary>
    public static uint Next() => Interlocked.Add(ref _last, 0x9E3779B9) | 1;
}
