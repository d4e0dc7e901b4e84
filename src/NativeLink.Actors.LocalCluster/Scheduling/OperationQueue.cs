namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>
/// Waiting operations: higher priority first, then older first. Those that ask for the same properties stand in one line, so that a pass asks
/// the workers once a line and not once an operation.
/// </summary>
internal sealed class OperationQueue
{
    private readonly Dictionary<string, SortedSet<ScheduledOperation>> _lines = new(StringComparer.Ordinal);
    private readonly List<SortedSet<ScheduledOperation>> _open = [];

    public int Count { get; private set; }

    /// <summary>The one that waits longest, whatever its priority; null when the queue is empty. Walks the lines.</summary>
    public ScheduledOperation? Oldest => _lines.Values.SelectMany(line => line).MinBy(operation => operation.Sequence);

    /// <param name="apart">Stands in a line of its own: what holds it up must not hold up others with the same properties.</param>
    public void Add(ScheduledOperation operation, bool apart = false)
    {
        var bucket = apart ? $"{operation.Id}|{operation.Demand.Shape}" : operation.Demand.Shape;
        operation.Bucket = bucket;
        if (!_lines.TryGetValue(bucket, out var line))
            _lines.Add(bucket, line = new SortedSet<ScheduledOperation>(Order.Instance));
        line.Add(operation);
        Count++;
    }

    /// <summary>Takes an operation out; one that does not wait is no mistake.</summary>
    public void Remove(ScheduledOperation operation)
    {
        if (operation.Bucket is not { } bucket)
            return;
        operation.Bucket = null;
        var line = _lines[bucket];
        line.Remove(operation);
        Count--;
        if (line.Count == 0)
            _lines.Remove(bucket);
    }

    /// <summary>Changes the priority of a waiting operation.</summary>
    public void Raise(ScheduledOperation operation, int priority)
    {
        var line = operation.Bucket is { } bucket ? _lines[bucket] : null;
        line?.Remove(operation);
        operation.Priority = priority;
        line?.Add(operation);
    }

    /// <summary>Places operations in order until no line's first one finds a worker.</summary>
    /// <param name="place">Gives the operation to a worker; false when none can take it now.</param>
    public void Place(Func<ScheduledOperation, bool> place)
    {
        _open.Clear();
        _open.AddRange(_lines.Values);
        while (_open.Count > 0)
        {
            var line = _open.MinBy(l => l.Min, Order.Instance)!;
            var first = line.Min!;
            if (!place(first))
            {
                _open.Remove(line);
                continue;
            }

            Remove(first);
            if (line.Count == 0)
                _open.Remove(line);
        }
    }

    private sealed class Order : IComparer<ScheduledOperation?>
    {
        public static readonly Order Instance = new();

        public int Compare(ScheduledOperation? x, ScheduledOperation? y)
        {
            var order = y!.Priority.CompareTo(x!.Priority);
            return order != 0 ? order : x.Sequence.CompareTo(y.Sequence);
        }
    }
}
