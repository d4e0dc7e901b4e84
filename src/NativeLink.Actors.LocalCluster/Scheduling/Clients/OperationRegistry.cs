using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Scheduling.Clients;

/// <summary>
/// The names by which clients know operations, who subscribes to them, what can be joined, and
/// finished operations as long as they are retained.
/// </summary>
/// <param name="retainCompletedFor">How long.</param>
/// <param name="newId">Names waiters.</param>
internal sealed class OperationRegistry(TimeSpan retainCompletedFor, Func<Guid> newId)
{
    /// <summary>Finished answers above this total are removed before their time, oldest first.</summary>
    private const long MaxRetainedBytes = 64L << 20;

    /// <summary>As above, names of finished operations.</summary>
    private const int MaxFinishedNames = 10_000;

    private readonly Dictionary<string, Waiter> _waiters = new(StringComparer.Ordinal);
    private readonly Dictionary<ActionKey, ScheduledOperation> _joinable = [];
    private readonly Queue<(ScheduledOperation Operation, TimeSpan Until)> _finished = new();
    private long _retainedBytes;
    private int _finishedNames;

    /// <summary>Of operations that have no answer yet.</summary>
    public int UnfinishedNames => _waiters.Count - _finishedNames;

    /// <summary>When the next finished operation is to be removed.</summary>
    public TimeSpan? NextExpiry => _finished.TryPeek(out var first) ? first.Until : null;

    public ScheduledOperation? FindJoinable(Submission submission) =>
        submission.Joinable ? _joinable.GetValueOrDefault(submission.Key) : null;

    public void MakeJoinable(ScheduledOperation operation)
    {
        if (operation.Submission.Joinable)
            _joinable[operation.Key] = operation;
    }

    /// <summary>Gives a client its own name for the operation and sends it the operation's state.</summary>
    public void AddWaiter(ScheduledOperation operation, OperationStream stream)
    {
        var waiter = new Waiter(newId().ToString(), operation);
        _waiters.Add(waiter.Id, waiter);
        operation.Waiters.Add(waiter);
        operation.ActiveWaiters++;
        Subscribe(waiter, stream);
    }

    public Waiter? FindWaiter(string name) => _waiters.GetValueOrDefault(name[(name.LastIndexOf('/') + 1)..]);

    /// <summary>Subscribes a stream to a waiter's updates; it gets the operation's state at once.</summary>
    public static void Subscribe(Waiter waiter, OperationStream stream)
    {
        stream.Push(waiter.Describe());
        if (waiter.Operation.IsCompleted || waiter.Cancelled is not null)
        {
            stream.Complete();
            return;
        }

        stream.Waiter = waiter;
        waiter.Streams.Add(stream);
    }

    /// <summary>
    /// Returns the operation that this stream was subscribed
    /// to; null if there was none, or its last update was sent.
    /// </summary>
    public static ScheduledOperation? Unsubscribe(OperationStream stream)
    {
        if (stream.Waiter is not { } waiter)
            return null;
        stream.Waiter = null;
        return waiter.Streams.Remove(stream) ? waiter.Operation : null;
    }

    /// <summary>This client's wait ends with this answer; the others are not concerned.</summary>
    public static void CancelWaiter(Waiter waiter, Any answer)
    {
        waiter.Cancelled = answer;
        waiter.Publish();
    }

    public static void Publish(ScheduledOperation operation)
    {
        foreach (var waiter in operation.Waiters)
        {
            if (waiter.Cancelled is null)
                waiter.Publish();
        }
    }

    /// <summary>Nobody can join it any more; its answer is retained for a while.</summary>
    public void Retain(ScheduledOperation operation, TimeSpan now)
    {
        if (_joinable.TryGetValue(operation.Key, out var current) && ReferenceEquals(current, operation))
            _joinable.Remove(operation.Key);
        _finished.Enqueue((operation, now + retainCompletedFor));
        _retainedBytes += SizeOf(operation);
        _finishedNames += operation.Waiters.Count;
        RemoveExpired(now);
    }

    /// <summary>
    /// Ends an operation that has no answer: its clients'
    /// streams fail with this status, its names are removed.
    /// </summary>
    public void Fail(ScheduledOperation operation, StatusCode code, string detail)
    {
        if (_joinable.TryGetValue(operation.Key, out var current) && ReferenceEquals(current, operation))
            _joinable.Remove(operation.Key);
        foreach (var waiter in operation.Waiters)
        {
            waiter.Fail(code, detail);
            _waiters.Remove(waiter.Id);
        }

        // A worker may still hold it, and whatever that sends later must find no waiter.
        operation.Waiters.Clear();
        (operation.ActiveWaiters, operation.IsFailed) = (0, true);
    }

    /// <summary>Removes finished operations whose time has come.</summary>
    public void RemoveExpired(TimeSpan now)
    {
        while (_finished.TryPeek(out var first)
            && (first.Until <= now || _retainedBytes > MaxRetainedBytes || _finishedNames > MaxFinishedNames))
        {
            _finished.Dequeue();
            _retainedBytes -= SizeOf(first.Operation);
            _finishedNames -= first.Operation.Waiters.Count;
            foreach (var waiter in first.Operation.Waiters)
                _waiters.Remove(waiter.Id);
        }
    }

    /// <summary>Fails every stream with this status; nothing is retained.</summary>
    public void FailAll(StatusCode code, string detail)
    {
        foreach (var waiter in _waiters.Values)
            waiter.Fail(code, detail);
        _waiters.Clear();
        _joinable.Clear();
        _finished.Clear();
        (_retainedBytes, _finishedNames) = (0, 0);
    }

    private static long SizeOf(ScheduledOperation operation) => (operation.Response?.Value.Length ?? 0) + 1024L;
}
