using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>The names that clients know, who listens, what can be joined, and finished operations as long as they are kept.</summary>
internal sealed class ClientDesk(TimeSpan retainCompletedFor)
{
    /// <summary>Finished answers above this total are forgotten before their time, oldest first.</summary>
    private const long MaxKeptBytes = 64L << 20;

    /// <summary>As above, names of finished operations.</summary>
    private const int MaxFinishedNames = 10_000;

    private readonly Dictionary<string, ClientTicket> _tickets = new(StringComparer.Ordinal);
    private readonly Dictionary<ActionKey, ScheduledOperation> _joinable = [];
    private readonly Queue<(ScheduledOperation Operation, TimeSpan Until)> _finished = new();
    private long _keptBytes;
    private int _finishedNames;

    /// <summary>Of operations that have no answer yet.</summary>
    public int UnfinishedNames => _tickets.Count - _finishedNames;

    /// <summary>When the next finished operation is to be forgotten.</summary>
    public TimeSpan? NextForgotten => _finished.TryPeek(out var first) ? first.Until : null;

    public ScheduledOperation? FindJoinable(Submission submission) => submission.Joinable ? _joinable.GetValueOrDefault(submission.Key) : null;

    public void Open(ScheduledOperation operation)
    {
        if (operation.Submission.Joinable)
            _joinable[operation.Key] = operation;
    }

    /// <summary>Gives a client its own name for the operation and tells it how things stand.</summary>
    public void Issue(ScheduledOperation operation, OperationFeed feed)
    {
        var ticket = new ClientTicket(Guid.NewGuid().ToString(), operation);
        _tickets.Add(ticket.Id, ticket);
        operation.Tickets.Add(ticket);
        operation.Wanted++;
        Attach(ticket, feed);
    }

    public ClientTicket? Find(string name) => _tickets.GetValueOrDefault(name[(name.LastIndexOf('/') + 1)..]);

    /// <summary>Lets a feed hear of a ticket; it is told at once how things stand.</summary>
    public static void Attach(ClientTicket ticket, OperationFeed feed)
    {
        feed.Push(ticket.Describe());
        if (ticket.Operation.IsCompleted || ticket.Cancelled is not null)
        {
            feed.Complete();
            return;
        }

        feed.Ticket = ticket;
        ticket.Feeds.Add(feed);
        ticket.Operation.Listeners++;
    }

    /// <summary>Returns the operation of which this feed has heard so far; null if it had none, or has had its last word.</summary>
    public static ScheduledOperation? Detach(OperationFeed feed)
    {
        if (feed.Ticket is not { } ticket)
            return null;
        feed.Ticket = null;
        if (!ticket.Feeds.Remove(feed))
            return null;
        ticket.Operation.Listeners--;
        return ticket.Operation;
    }

    /// <summary>This client has its own last word; the others are not concerned.</summary>
    public static void Leave(ClientTicket ticket, Any answer)
    {
        ticket.Cancelled = answer;
        ticket.Publish();
    }

    public static void Publish(ScheduledOperation operation)
    {
        foreach (var ticket in operation.Tickets)
        {
            if (ticket.Cancelled is null)
                ticket.Publish();
        }
    }

    /// <summary>Nobody can join it any more; its answer is kept for a while.</summary>
    public void Close(ScheduledOperation operation, TimeSpan now)
    {
        if (_joinable.TryGetValue(operation.Key, out var current) && ReferenceEquals(current, operation))
            _joinable.Remove(operation.Key);
        _finished.Enqueue((operation, now + retainCompletedFor));
        _keptBytes += SizeOf(operation);
        _finishedNames += operation.Tickets.Count;
        Forget(now);
    }

    /// <summary>Ends an operation that has no answer: its clients' streams fail with this status, its names are forgotten.</summary>
    public void Drop(ScheduledOperation operation, StatusCode code, string detail)
    {
        if (_joinable.TryGetValue(operation.Key, out var current) && ReferenceEquals(current, operation))
            _joinable.Remove(operation.Key);
        foreach (var ticket in operation.Tickets)
        {
            ticket.Fail(code, detail);
            _tickets.Remove(ticket.Id);
        }

        // A worker may still hold it, and whatever that says later must find nobody to tell.
        operation.Tickets.Clear();
        (operation.Wanted, operation.IsDropped) = (0, true);
    }

    /// <summary>Forgets finished operations whose time has come.</summary>
    public void Forget(TimeSpan now)
    {
        while (_finished.TryPeek(out var first) && (first.Until <= now || _keptBytes > MaxKeptBytes || _finishedNames > MaxFinishedNames))
        {
            _finished.Dequeue();
            _keptBytes -= SizeOf(first.Operation);
            _finishedNames -= first.Operation.Tickets.Count;
            foreach (var ticket in first.Operation.Tickets)
                _tickets.Remove(ticket.Id);
        }
    }

    /// <summary>Ends every stream with this status; nothing is remembered.</summary>
    public void Dismiss(StatusCode code, string detail)
    {
        foreach (var ticket in _tickets.Values)
            ticket.Fail(code, detail);
        _tickets.Clear();
        _joinable.Clear();
        _finished.Clear();
        (_keptBytes, _finishedNames) = (0, 0);
    }

    private static long SizeOf(ScheduledOperation operation) => (operation.Response?.Value.Length ?? 0) + 1024L;
}
