using NativeLink.Actors.LocalCluster.Scheduling.Workers;

namespace NativeLink.Actors.LocalCluster.Scheduling.Queueing;

/// <summary>
/// Waiting operations: higher priority first, then the client with the smaller share, then the
/// older. Those that the same kinds of workers can run stand in one line, however many different
/// properties they name; so whatever is asked of the queue costs the logarithm of what waits, and
/// grows with the kinds of workers alone.
/// </summary>
internal sealed class OperationQueue
{
    /// <summary>So many are sorted anew at once, some milliseconds' work: nobody notices.</summary>
    public const int SortedAtOnce = 1024;

    private readonly ShareChanges _changes = new();
    private readonly WaitingLines _lines;
    private readonly Dictionary<string, ClientShare> _clients = new(StringComparer.Ordinal);
    private long _clientNumber;
    private long _serves;

    public OperationQueue() => _lines = new WaitingLines(_changes);

    public int Count { get; private set; }

    /// <summary>How many lines there are now.</summary>
    public int Lines => _lines.Count;

    /// <summary>How many clients have something waiting or running.</summary>
    public int Clients => _clients.Count;

    /// <summary>All that wait, in no order that means anything.</summary>
    public IEnumerable<ScheduledOperation> All => _lines.Queues.SelectMany(queue => queue.InOrder());

    /// <summary>
    /// The one that waits longest, whatever its priority;
    /// null when the queue is empty. Asks every client.
    /// </summary>
    public ScheduledOperation? Oldest => _lines.Queues.Select(queue => queue.Oldest!)
        .MinBy(operation => operation.Sequence);

    /// <summary>Whether <see cref="SortSome"/> has something to do.</summary>
    public bool HasToSort => _lines.HasToSort;

    /// <summary>
    /// A worker comes; says of which kind it is. One that was never
    /// here before sees what waits by <see cref="SortSome"/>.
    /// </summary>
    public WorkerKind AddWorker(WorkerProperties properties)
    {
        var kind = _lines.KindOf(properties);
        kind.Workers++;
        return kind;
    }

    public static void RemoveWorker(WorkerKind kind) => kind.Workers--;

    /// <summary>Whether operations may wait for workers of this kind that they do not see yet.</summary>
    public bool HasToSortFor(WorkerKind kind) => _lines.HasToSortFor(kind);

    /// <summary>
    /// Shows some of what waits to kinds of workers that have not seen it:
    /// <see cref="HasToSortFor"/> says which.
    /// </summary>
    public void SortSome() => _lines.SortSome(SortedAtOnce);

    public void Add(ScheduledOperation operation)
    {
        var client = ClientOf(operation.Client);
        _lines.Add(operation, client);
        client.Waiting++;
        Count++;
    }

    /// <summary>Takes an operation out; one that does not wait is no mistake.</summary>
    public void Remove(ScheduledOperation operation)
    {
        if (TakeOut(operation) is { } client)
            ForgetIfIdle(client);
    }

    /// <summary>Changes something by which an operation is ordered, whether it waits or not.</summary>
    public void Change(ScheduledOperation operation, Action<ScheduledOperation> change)
    {
        var client = TakeOut(operation);
        change(operation);
        if (client is null)
            return;
        Add(operation);
        // Not before: who has nothing else would be a new client then, as if it had never been served.
        ForgetIfIdle(client);
    }

    /// <summary>
    /// How much the owner of an operation and another client
    /// have waiting: the one with less has its turn sooner.
    /// </summary>
    public bool HasLessWaiting(string client, string than) => WaitingOf(client) < WaitingOf(than);

    /// <summary>The first operation in order that this worker can start now; it stays in the queue.</summary>
    public static ScheduledOperation? FirstFor(ConnectedWorker worker)
    {
        ScheduledOperation? best = null;
        foreach (var line in worker.Kind.Lines)
        {
            if (line.PickFor(worker, best?.Priority ?? int.MinValue) is { } found
                && (best is null || ComesBefore(found, best)))
                best = found;
        }

        return best;
    }

    /// <summary>
    /// A worker holds one more operation of this client.
    /// Returns whom to give it back to by <see cref="Refund"/>.
    /// </summary>
    public ClientShare Charge(string client)
    {
        var share = ClientOf(client);
        share.Running++;
        share.LastServed = ++_serves;
        _changes.Note(share);
        return share;
    }

    public void Refund(ClientShare client)
    {
        client.Running--;
        _changes.Note(client);
        ForgetIfIdle(client);
    }

    private static bool ComesBefore(ScheduledOperation one, ScheduledOperation other)
    {
        if (one.Priority != other.Priority)
            return one.Priority > other.Priority;
        var order = one.Queue!.Client.Position.CompareTo(other.Queue!.Client.Position);
        return order != 0 ? order < 0 : one.Sequence < other.Sequence;
    }

    private ClientShare? TakeOut(ScheduledOperation operation)
    {
        if (operation.Queue is not { } queue)
            return null;
        _lines.Remove(operation);
        queue.Client.Waiting--;
        Count--;
        return queue.Client;
    }

    private ClientShare ClientOf(string key)
    {
        if (!_clients.TryGetValue(key, out var client))
            _clients.Add(key, client = new ClientShare(key, _clientNumber++));
        return client;
    }

    private int WaitingOf(string key) => _clients.TryGetValue(key, out var client) ? client.Waiting : 0;

    private void ForgetIfIdle(ClientShare client)
    {
        if (!client.IsIdle)
            return;
        _clients.Remove(client.Key);
        _changes.Forget(client);
    }
}
