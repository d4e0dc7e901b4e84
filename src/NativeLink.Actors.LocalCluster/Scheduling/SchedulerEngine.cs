using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.LocalCluster.Scheduling.Clients;
using NativeLink.Actors.LocalCluster.Scheduling.Queueing;
using NativeLink.Actors.LocalCluster.Scheduling.Workers;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>
/// Decides all that the scheduler decides; does no I/O and knows no threads:
/// <see cref="SchedulerLoop"/> drives it, one message at a time. This part takes the requests of
/// clients; the others keep the waiters, match, and keep the workers and the runs.
/// </summary>
internal sealed partial class SchedulerEngine
{
    private static readonly TimeSpan LivenessCheck = TimeSpan.FromSeconds(1);

    private readonly SchedulerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Func<Guid> _newId;
    private readonly long _started;
    private readonly OperationQueue _queue = new();
    private readonly Deadlines _deadlines = new();
    private readonly WorkerRegistry _workers;
    private readonly OperationRegistry _operations;
    private long _sequence;
    private bool _stopped;
    private bool _draining;
    private Deadlines.Deadline? _expiry;

    /// <param name="newId">Names operations, those who wait for them and workers; null: by chance.</param>
    public SchedulerEngine(SchedulerOptions options, TimeProvider time, ILogger log, Func<Guid>? newId = null)
    {
        (_options, _time, _log, _started) = (options, time, log, time.GetTimestamp());
        _newId = newId ?? Guid.NewGuid;
        _workers = new WorkerRegistry(options.MostRecentlyUsedFirst);
        _operations = new OperationRegistry(options.RetainCompletedFor, _newId);
    }

    /// <summary>
    /// How long until <see cref="Wake"/> has something to
    /// do, never negative; null when nothing is pending.
    /// </summary>
    public TimeSpan? NextWake => _deadlines.Next is { } due ? Remaining(due - Now) : null;

    public int Queued => _queue.Count;

    public int Workers => _workers.Count;

    /// <summary>Names of operations that have no answer yet.</summary>
    public int UnfinishedNames => _operations.UnfinishedNames;

    /// <summary>
    /// How many lines wait apart, and how many clients
    /// share the workers: what the queue's cost depends on.
    /// </summary>
    public (int Lines, int Clients) QueueShape => (_queue.Lines, _queue.Clients);

    /// <summary>
    /// Searches everything for an operation that waits although a worker could take it: there is
    /// none between two messages.
    /// </summary>
    public bool FindsMissedMatch() =>
        _queue.All.Any(operation => _workers.All.Any(worker => worker.CanTake(operation, Now)));

    private TimeSpan Now => _time.GetElapsedTime(_started);

    /// <summary>
    /// The clock goes on while one looks at it: what is left is
    /// found by one look, and is nothing when that was too late.
    /// </summary>
    private static TimeSpan Remaining(TimeSpan left) => left > TimeSpan.Zero ? left : TimeSpan.Zero;

    public void Wake() => _deadlines.FireUntil(Now);

    public void Submit(Submit request)
    {
        var (submission, stream) = (request.Submission, request.Stream);
        if (stream.IsAbandoned || RefuseWhenStoppedOrFull(stream))
            return;
        if (_operations.FindJoinable(submission) is { } equal)
        {
            Join(equal, submission, stream);
            return;
        }

        if (_queue.Count >= _options.MaxQueuedOperations)
        {
            stream.Fail(StatusCode.ResourceExhausted,
                $"{_queue.Count} operations wait already, no more are queued: try again later");
            return;
        }

        var operation = Create(submission);
        _operations.MakeJoinable(operation);
        _operations.AddWaiter(operation, stream);
        Enqueue(operation);
    }

    /// <summary>
    /// An answer from the action cache becomes a finished
    /// operation, so that its name can be asked for like any other.
    /// </summary>
    public void CompleteFromCache(CompleteFromCache request)
    {
        if (RefuseWhenStoppedOrFull(request.Stream))
            return;
        var operation = Create(request.Submission);
        operation.Stage = Reapi.ExecutionStage.Types.Value.CacheCheck;
        _operations.AddWaiter(operation, request.Stream);
        Complete(operation, SchedulerAnswers.FromCache(request.Result));
    }

    public void WaitExecution(WaitExecution request)
    {
        if (request.Stream.IsAbandoned)
            return;
        if (_operations.FindWaiter(request.Name) is not { } waiter)
        {
            request.Stream.Fail(
                StatusCode.NotFound, $"there is no operation '{request.Name}': it never was, or it ended too long ago");
            return;
        }

        OperationRegistry.Subscribe(waiter, request.Stream);
        OnSubscribersChanged(waiter.Operation);
    }

    public void Unsubscribe(Unsubscribe request)
    {
        if (OperationRegistry.Unsubscribe(request.Stream) is { } operation)
            OnSubscribersChanged(operation);
    }

    public void GetOperation(GetOperation request) =>
        request.Answer.TrySetResult(_operations.FindWaiter(request.Name)?.Describe());

    /// <summary>
    /// Nothing starts from now on: what runs is finished,
    /// what waits and what is asked for has to go elsewhere.
    /// </summary>
    public void BeginDrain()
    {
        if (_draining)
            return;
        _draining = true;
        foreach (var waiting in _queue.All.ToList())
            Refuse(waiting);
    }

    /// <summary>Ends all streams; nothing is accepted afterwards.</summary>
    public void Stop(StatusCode code, string reason)
    {
        if (_stopped)
            return;
        _stopped = true;
        _deadlines.Clear();
        foreach (var worker in _workers.All.ToList())
        {
            _workers.Remove(worker);
            Disconnect(worker);
        }

        _operations.FailAll(code, reason);
    }

    private bool RefuseWhenStoppedOrFull(OperationStream stream)
    {
        if (_stopped)
            stream.Fail(StatusCode.Unavailable, "the scheduler is shutting down");
        else if (_draining)
            stream.Fail(StatusCode.Unavailable, SchedulerAnswers.Draining);
        else if (_operations.UnfinishedNames >= 4L * _options.MaxQueuedOperations)
            stream.Fail(
                StatusCode.ResourceExhausted,
                $"{_operations.UnfinishedNames} clients wait for operations already, no more are taken: " +
                "try again later");
        else
            return false;
        return true;
    }

    private ScheduledOperation Create(Submission submission) =>
        new(_newId(), submission, _sequence++, Timestamp.FromDateTimeOffset(_time.GetUtcNow()));
}
