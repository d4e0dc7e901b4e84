using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>
/// Decides all that the scheduler decides; does no I/O and knows no threads: <see cref="SchedulerLoop"/> drives it, one message at a time.
/// This part serves clients; the others keep the workers and the runs.
/// </summary>
internal sealed partial class SchedulerEngine
{
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
    private Deadlines.Deadline? _waitReport;
    private Deadlines.Deadline? _forget;

    public SchedulerEngine(SchedulerOptions options, TimeProvider time, ILogger log)
    {
        (_options, _time, _log, _started) = (options, time, log, time.GetTimestamp());
        _roster = new WorkerRoster(options.MostRecentlyUsedFirst);
        _clients = new ClientDesk(options.RetainCompletedFor);
    }

    /// <summary>How long until <see cref="Wake"/> has something to do; null when nothing is pending.</summary>
    public TimeSpan? NextWake => _deadlines.Next is { } due ? (due > Now ? due - Now : TimeSpan.Zero) : null;

    public int Queued => _queue.Count;

    public int Workers => _roster.Count;

    private TimeSpan Now => _time.GetElapsedTime(_started);

    public void Wake() => _deadlines.FireUntil(Now);

    public void Submit(Submit request)
    {
        var (submission, feed) = (request.Submission, request.Feed);
        if (RefuseWhenStoppedOrFull(feed))
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
        _queue.Add(operation);
        Match();
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
        if (_clients.Find(request.Name) is not { } ticket)
        {
            request.Feed.Fail(StatusCode.NotFound, $"there is no operation '{request.Name}': it never was, or it ended too long ago");
            return;
        }

        ClientDesk.Attach(ticket, request.Feed);
        CancelClientDeadline(ticket.Operation);
    }

    public void StopListening(StopListening request)
    {
        if (ClientDesk.Detach(request.Feed) is { } abandoned)
            Abandon(abandoned);
    }

    public void Look(Look request) => request.Answer.TrySetResult(_clients.Find(request.Name)?.Describe());

    /// <summary>Ends an operation for one client; the execution goes on only while another client wants it.</summary>
    public void Cancel(Cancel request)
    {
        if (_clients.Find(request.Name) is not { } ticket)
        {
            request.Answer.TrySetResult(false);
            return;
        }

        var operation = ticket.Operation;
        if (!operation.IsCompleted && ticket.Cancelled is null)
        {
            var answer = SchedulerAnswers.Failure(StatusCode.Cancelled, "the client cancelled the operation");
            if (operation.Tickets.Exists(other => other != ticket && other.Cancelled is null))
                Leave(ticket, answer);
            else
                CancelAll(operation, answer);
        }

        request.Answer.TrySetResult(true);
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
        else if (_clients.Names >= 4L * _options.MaxQueuedOperations)
            feed.Fail(StatusCode.ResourceExhausted, $"{_clients.Names} operations are kept already, no more are taken: try again later");
        else
            return false;
        return true;
    }

    private ScheduledOperation Create(Submission submission) => new(submission, _sequence++, Timestamp.FromDateTimeOffset(_time.GetUtcNow()));

    private void Join(ScheduledOperation equal, Submission submission, OperationFeed feed)
    {
        if (submission.Priority > equal.Priority)
            _queue.Raise(equal, submission.Priority);
        _clients.Issue(equal, feed);
        CancelClientDeadline(equal);
    }

    private void Abandon(ScheduledOperation abandoned)
    {
        abandoned.ClientDeadline = _deadlines.Add(Now + _options.ClientActionTimeout, () => Complete(abandoned, SchedulerAnswers.Failure(
            StatusCode.DeadlineExceeded, $"no client has listened for {_options.ClientActionTimeout.TotalSeconds} s: the operation was given up")));
    }

    private void Leave(ClientTicket ticket, Reapi.ExecuteResponse answer)
    {
        ticket.Cancelled = Any.Pack(answer);
        ticket.Publish();
        ticket.Operation.Listeners -= ticket.Feeds.Count;
        foreach (var feed in ticket.Feeds)
            feed.Ticket = null;
        ticket.Feeds.Clear();
        if (ticket.Operation is { Listeners: 0, ClientDeadline: null })
            Abandon(ticket.Operation);
    }

    private void CancelAll(ScheduledOperation operation, Reapi.ExecuteResponse answer)
    {
        var run = operation.Assignment;
        Complete(operation, answer);
        if (run is not null && _revoked.Contains(run))
            Kill(run);
    }

    private void CancelClientDeadline(ScheduledOperation operation)
    {
        _deadlines.Cancel(operation.ClientDeadline);
        operation.ClientDeadline = null;
    }

    /// <summary>The operation has its answer: clients are told, and a worker that still holds it is to be told.</summary>
    private void Complete(ScheduledOperation operation, Reapi.ExecuteResponse answer)
    {
        _queue.Remove(operation);
        Unassign(operation);
        CancelClientDeadline(operation);
        operation.Stage = Reapi.ExecutionStage.Types.Value.Completed;
        operation.Response = Any.Pack(answer);
        ClientDesk.Publish(operation);
        _clients.Close(operation, Now);
        _forget ??= _deadlines.Add(Now + _options.RetainCompletedFor, Forget);
    }

    private void Forget()
    {
        _clients.Forget(Now);
        _forget = _clients.NextForgotten is { } due ? _deadlines.Add(due, Forget) : null;
    }
}
