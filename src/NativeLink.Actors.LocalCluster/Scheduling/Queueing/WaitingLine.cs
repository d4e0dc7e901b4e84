using NativeLink.Actors.LocalCluster.Scheduling.Workers;

namespace NativeLink.Actors.LocalCluster.Scheduling.Queueing;

/// <summary>Waiting operations that the same kinds of workers can run, by priority.</summary>
internal sealed class WaitingLine(LineKey key, ShareChanges changes)
{
    private readonly Dictionary<int, WaitingBand> _bands = [];
    private readonly FirstFit<WaitingBand> _order = new(HigherFirst.Instance);

    public LineKey Key => key;

    public bool IsEmpty => _bands.Count == 0;

    public IEnumerable<ClientQueue> Queues => _bands.Values.SelectMany(band => band.Queues);

    /// <summary>Any of them; not of an empty line.</summary>
    public ScheduledOperation Any => _order.First!.Any;

    public void Add(ScheduledOperation operation, ClientShare client)
    {
        if (!_bands.TryGetValue(operation.Priority, out var band))
        {
            _bands.Add(operation.Priority, band = new WaitingBand(this, operation.Priority, changes));
            band.Add(operation, client);
            band.Shown = band.Needs;
            _order.Add(band);
            return;
        }

        band.Add(operation, client);
        Show(band);
    }

    public void Remove(ScheduledOperation operation)
    {
        var band = operation.Queue!.Band;
        band.Remove(operation);
        if (band.IsEmpty)
        {
            _order.Remove(band);
            _bands.Remove(band.Priority);
        }
        else
        {
            Show(band);
        }
    }

    /// <summary>
    /// Compared with what the order has seen: a pick may have
    /// changed the needs since, when it put clients to their places.
    /// </summary>
    private void Show(WaitingBand band)
    {
        if (ReferenceEquals(band.Shown, band.Needs))
            return;
        band.Shown = band.Needs;
        _order.Refresh(band);
    }

    /// <summary>The best that this worker can start, if anything here has at least that priority.</summary>
    public ScheduledOperation? PickFor(ConnectedWorker worker, int atLeast) =>
        _order.First?.Priority >= atLeast ? _order.PickFor(worker) : null;

    private sealed class HigherFirst : IComparer<WaitingBand>
    {
        public static readonly HigherFirst Instance = new();

        public int Compare(WaitingBand? x, WaitingBand? y) => y!.Priority.CompareTo(x!.Priority);
    }
}

/// <summary>The clients that have something waiting at one priority in one line, by their shares.</summary>
internal sealed class WaitingBand(WaitingLine line, int priority, ShareChanges changes) : IWaiting
{
    private readonly FirstFit<ClientQueue> _clients = new(ByShare.Instance);
    private long _caughtUpTo = changes.Count;

    public WaitingLine Line => line;

    public int Priority => priority;

    public bool IsEmpty => _clients.Count == 0;

    public ulong[][]? Needs => _clients.Least;

    /// <summary><see cref="Needs"/> as the line's order has them.</summary>
    public ulong[][]? Shown { get; set; }

    public IEnumerable<ClientQueue> Queues => _clients.InOrder();

    public ScheduledOperation Any => _clients.First!.Oldest!;

    public void Add(ScheduledOperation operation, ClientShare client)
    {
        if (client.Queues.TryGetValue(this, out var queue))
        {
            var needs = queue.Needs;
            queue.Add(operation);
            if (!ReferenceEquals(needs, queue.Needs))
                _clients.Refresh(queue);
        }
        else
        {
            queue = new ClientQueue(client, this);
            queue.Add(operation);
            client.Queues.Add(this, queue);
            _clients.Add(queue);
        }

        operation.Queue = queue;
    }

    public void Remove(ScheduledOperation operation)
    {
        var queue = operation.Queue!;
        operation.Queue = null;
        var needs = queue.Needs;
        queue.Remove(operation);
        if (queue.Count == 0)
        {
            _clients.Remove(queue);
            queue.Client.Queues.Remove(this);
        }
        else if (!ReferenceEquals(needs, queue.Needs))
        {
            _clients.Refresh(queue);
        }
    }

    public ScheduledOperation? PickFor(ConnectedWorker worker)
    {
        CatchUp();
        return _clients.PickFor(worker);
    }

    /// <summary>
    /// Puts those whose position has changed to their places. Looks at no more clients than have
    /// changed, nor at more than twice those that wait here.
    /// </summary>
    private void CatchUp()
    {
        var left = _clients.Count;
        var node = changes.Latest;
        for (; node is not null && node.Value.ChangedAt > _caughtUpTo && left > 0; node = node.Next, left--)
        {
            if (node.Value.Queues.TryGetValue(this, out var queue))
                PutInPlace(queue);
        }

        if (node is not null && node.Value.ChangedAt > _caughtUpTo)
        {
            foreach (var queue in _clients.InOrder().Where(static queue => !queue.IsInPlace).ToList())
                PutInPlace(queue);
        }

        _caughtUpTo = changes.Count;
    }

    private void PutInPlace(ClientQueue queue)
    {
        if (queue.IsInPlace)
            return;
        _clients.Remove(queue);
        queue.TakePosition();
        _clients.Add(queue);
    }

    private sealed class ByShare : IComparer<ClientQueue>
    {
        public static readonly ByShare Instance = new();

        public int Compare(ClientQueue? x, ClientQueue? y) => x!.Position.CompareTo(y!.Position);
    }
}
