using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>
/// Decides all that the scheduler decides; does no I/O and knows no threads: <see cref="SchedulerLoop"/> drives it, one message at a time.
/// This part hears clients; the others know who listens, match, and keep the workers and the runs.
/// </summary>
internal sealed partial class SchedulerEngine
{
    private const string Draining = "the scheduler finishes what runs and takes nothing new: it is about to end";

    private static readonly TimeSpan LivenessCheck = TimeSpan.FromSeconds(1);

    private readonly SchedulerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly long _started;
    private readonly OperationQueue _queue = new();
    private readonly Deadlines _deadlines = new();
    private readonly WorkerRoster _roster;
    private readonly ClientDesk _clients;
    private long _sequence;
    private bool _stopped;
    private bool _draining;
    private Deadlines.Deadline? _forget;

    public SchedulerEngine(SchedulerOptions options, TimeProvider time, ILogger log)
    {
        (_options, _time, _log, _started) = (options, time, log, time.GetTimestamp());
        _roster = new WorkerRoster(options.MostRecentlyUsedFirst);
        _clients = new ClientDesk(options.RetainCompletedFor);
    }

    /// <summary>How long until <see cref="Wake"/> has something to do, never negative; null when nothing is pending.</summary>
    public TimeSpan? NextWake => _deadlines.Next is { } due ? Remaining(due - Now) : null;

    public int Queued => _queue.Count;

    public int Workers => _roster.Count;

    /// <summary>Names of operations that have no answer yet.</summary>
    public int UnfinishedNames => _clients.UnfinishedNames;

    /// <summary>How many lines wait apart, and how many clients share the workers: what the queue's cost depends on.</summary>
    public (int Lines, int Clients) QueueShape => (_queue.Lines, _queue.Clients);

    /// <summary>Searches everything for an operation that waits although a worker could take it: there is none between two messages.</summary>
    public bool FindsMissedMatch() => _queue.All.Any(operation => _roster.All.Any(worker => worker.CanTake(operation, Now)));

    private TimeSpan Now => _time.GetElapsedTime(_started);

    /// <summary>The clock goes on while one looks at it: what is left is found by one look, and is nothing when that was too late.</summary>
    private static TimeSpan Remaining(TimeSpan left) => left > TimeSpan.Zero ? left : TimeSpan.Zero;

    public void Wake() => _deadlines.FireUntil(Now);

    public void Submit(Submit request)
    {
        var (submission, feed) = (request.Submission, request.Feed);
        if (feed.IsGone || RefuseWhenStoppedOrFull(feed))
            return;
        if (_clients.FindJoinable(submission) is { } equal)
        {
            Join(equal, submission, feed);
            return;
        }

        if (_queue.Count >= _options.MaxQueuedOperations)
        {
            feed.Fail(StatusCode.ResourceExhausted, $"{_queue.Count} operations wait already, no more are queued: try again later");
            return;
        }

        var operation = Create(submission);
        _clients.Open(operation);
        _clients.Issue(operation, feed);
        Enqueue(operation);
    }

    /// <summary>An answer from the action cache becomes a finished operation, so that its name can be asked for like any other.</summary>
    public void Remember(Remember request)
    {
        if (RefuseWhenStoppedOrFull(request.Feed))
            return;
        var operation = Create(request.Submission);
        operation.Stage = Reapi.ExecutionStage.Types.Value.CacheCheck;
        _clients.Issue(operation, request.Feed);
        Complete(operation, SchedulerAnswers.FromCache(request.Result));
    }

    public void Listen(Listen request)
    {
        if (request.Feed.IsGone)
            return;
        if (_clients.Find(request.Name) is not { } ticket)
        {
            request.Feed.Fail(StatusCode.NotFound, $"there is no operation '{request.Name}': it never was, or it ended too long ago");
            return;
        }

        ClientDesk.Attach(ticket, request.Feed);
        HeedListeners(ticket.Operation);
    }

    public void StopListening(StopListening request)
    {
        if (ClientDesk.Detach(request.Feed) is { } operation)
            HeedListeners(operation);
    }

    public void Look(Look request) => request.Answer.TrySetResult(_clients.Find(request.Name)?.Describe());

    /// <summary>Nothing starts from now on: what runs is finished, what waits and what is asked for has to go elsewhere.</summary>
    public void BeginDrain()
    {
        if (_draining)
            return;
        _draining = true;
        foreach (var waiting in _queue.All.ToList())
            TurnAway(waiting);
    }

    /// <summary>Ends all streams; nothing is accepted afterwards.</summary>
    public void Stop(StatusCode code, string reason)
    {
        if (_stopped)
            return;
        _stopped = true;
        _deadlines.Clear();
        foreach (var worker in _roster.All.ToList())
        {
            _roster.Remove(worker);
            SayGoodbye(worker);
        }

        _clients.Dismiss(code, reason);
    }

    private bool RefuseWhenStoppedOrFull(OperationFeed feed)
    {
        if (_stopped)
            feed.Fail(StatusCode.Unavailable, "the scheduler is shutting down");
        else if (_draining)
            feed.Fail(StatusCode.Unavailable, Draining);
        else if (_clients.UnfinishedNames >= 4L * _options.MaxQueuedOperations)
            feed.Fail(StatusCode.ResourceExhausted, $"{_clients.UnfinishedNames} clients wait for operations already, no more are taken: try again later");
        else
            return false;
        return true;
    }

    private ScheduledOperation Create(Submission submission) => new(submission, _sequence++, Timestamp.FromDateTimeOffset(_time.GetUtcNow()));
}
