using NativeLink.Actors.LocalCluster.Scheduling.Workers;

namespace NativeLink.Actors.LocalCluster.Scheduling.Queueing;

/// <summary>
/// One client among those that share the workers: a build tool's invocation, or a connection. Who
/// has less running is first; of equals, who was served longer ago; then who came first.
/// </summary>
internal sealed class ClientShare
{
    private readonly long _number;

    public ClientShare(string key, long number)
    {
        (Key, _number) = (key, number);
        InChanges = new LinkedListNode<ClientShare>(this);
    }

    public string Key { get; }

    /// <summary>How many of its operations workers hold.</summary>
    public int Running { get; set; }

    /// <summary>How many of its operations wait.</summary>
    public int Waiting { get; set; }

    /// <summary>Grows with each start of anybody's operation; 0 is never.</summary>
    public long LastServed { get; set; }

    public bool IsIdle => Running == 0 && Waiting == 0;

    public SharePosition Position => new(Running, LastServed, _number);

    /// <summary>Where its operations wait: one a line and priority.</summary>
    public Dictionary<WaitingBand, ClientQueue> Queues { get; } = [];

    /// <summary>Belongs to <see cref="ShareChanges"/>.</summary>
    public LinkedListNode<ClientShare> InChanges { get; }

    /// <summary>When its position changed last, as <see cref="ShareChanges"/> counts.</summary>
    public long ChangedAt { get; set; }
}

/// <summary>Where a client stands among the others.</summary>
internal readonly record struct SharePosition(int Running, long LastServed, long Number) : IComparable<SharePosition>
{
    public int CompareTo(SharePosition other)
    {
        var order = Running.CompareTo(other.Running);
        if (order == 0)
            order = LastServed.CompareTo(other.LastServed);
        return order != 0 ? order : Number.CompareTo(other.Number);
    }
}

/// <summary>
/// Whose position has changed, the latest first. A client may wait at any
/// number of priorities, and most of them are not looked at before its
/// position changes again: so each place catches up when it is looked at.
/// </summary>
internal sealed class ShareChanges
{
    private readonly LinkedList<ClientShare> _latestFirst = new();

    /// <summary>Grows with each change.</summary>
    public long Count { get; private set; }

    public LinkedListNode<ClientShare>? Latest => _latestFirst.First;

    public void Note(ClientShare client)
    {
        Forget(client);
        client.ChangedAt = ++Count;
        _latestFirst.AddFirst(client.InChanges);
    }

    public void Forget(ClientShare client)
    {
        if (client.InChanges.List is not null)
            _latestFirst.Remove(client.InChanges);
    }
}

/// <summary>What one client has waiting at one priority in one line, the oldest first.</summary>
internal sealed class ClientQueue(ClientShare client, WaitingBand band) : IWaiting
{
    private readonly FirstFit<ScheduledOperation> _operations = new(ByAge.Instance);

    public ClientShare Client => client;

    public WaitingBand Band => band;

    /// <summary>Where it stands in its band: where its client stood when that was last looked at.</summary>
    public SharePosition Position { get; private set; } = client.Position;

    public bool IsInPlace => Position == client.Position;

    public int Count => _operations.Count;

    public ScheduledOperation? Oldest => _operations.First;

    public ulong[][]? Needs => _operations.Least;

    public void Add(ScheduledOperation operation) => _operations.Add(operation);

    public void Remove(ScheduledOperation operation) => _operations.Remove(operation);

    /// <summary>Not while it is in a tree.</summary>
    public void TakePosition() => Position = client.Position;

    public ScheduledOperation? PickFor(ConnectedWorker worker) => _operations.PickFor(worker);

    public IEnumerable<ScheduledOperation> InOrder() => _operations.InOrder();

    private sealed class ByAge : IComparer<ScheduledOperation>
    {
        public static readonly ByAge Instance = new();

        public int Compare(ScheduledOperation? x, ScheduledOperation? y) => x!.Sequence.CompareTo(y!.Sequence);
    }
}
