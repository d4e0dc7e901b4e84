using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Scheduling.Clients;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>The part that knows who waits for an operation: joining, leaving, cancelling, and the end.</summary>
internal sealed partial class SchedulerEngine
{
    /// <summary>Ends an operation for one client; the execution goes on only while another client wants it.</summary>
    public void CancelOperation(CancelOperation request)
    {
        if (_operations.FindWaiter(request.Name) is not { } waiter)
        {
            request.Answer.TrySetResult(false);
            return;
        }

        var operation = waiter.Operation;
        if (!operation.IsCompleted && waiter.Cancelled is null)
        {
            var answer = SchedulerAnswers.Failure(StatusCode.Cancelled, "the client cancelled the operation");
            if (--operation.ActiveWaiters == 0)
            {
                CompleteAndKill(operation, answer);
            }
            else
            {
                OperationRegistry.CancelWaiter(waiter, Any.Pack(answer));
                OnSubscribersChanged(operation);
            }
        }

        request.Answer.TrySetResult(true);
    }

    private void Join(ScheduledOperation equal, Submission submission, OperationStream stream)
    {
        if (submission.Priority > equal.Priority)
            _queue.Change(equal, operation => operation.Priority = submission.Priority);
        if (submission.Client != equal.Client && equal.IsQueued
            && _queue.HasLessWaiting(submission.Client, equal.Client))
            _queue.Change(equal, operation => operation.Client = submission.Client);
        _operations.AddWaiter(equal, stream);
        OnSubscribersChanged(equal);
    }

    /// <summary>
    /// The subscribers have changed. What nobody waits for is not started, and is cancelled after a
    /// while; when somebody subscribes again in time it goes on as if nothing had been.
    /// </summary>
    private void OnSubscribersChanged(ScheduledOperation operation)
    {
        if (operation.IsOver)
            return;
        if (operation.IsAwaited)
        {
            CancelClientDeadline(operation);
            if (operation.IsSetAside)
                Enqueue(operation);
            return;
        }

        SetAside(operation);
    }

    /// <summary>
    /// What waits is not started, and what runs goes on,
    /// until somebody subscribes again or it is cancelled.
    /// </summary>
    private void SetAside(ScheduledOperation operation)
    {
        _queue.Remove(operation);
        operation.ClientDeadline ??= _deadlines.Add(Now + _options.ClientActionTimeout,
            () => CompleteAndKill(operation, SchedulerAnswers.Failure(
            StatusCode.DeadlineExceeded,
            $"no client has listened for {_options.ClientActionTimeout.TotalSeconds} s: the operation was given up")));
    }

    /// <summary>The operation ends, and what runs of it is not waited for.</summary>
    private void CompleteAndKill(ScheduledOperation operation, Reapi.ExecuteResponse answer)
    {
        var run = operation.Assignment;
        Complete(operation, answer);
        if (run is not null && _revoked.Contains(run))
            Kill(run);
    }

    /// <summary>It cannot run here any more, and has no answer: whoever waits for it has to ask elsewhere.</summary>
    private void Refuse(ScheduledOperation operation)
    {
        _queue.Remove(operation);
        CancelClientDeadline(operation);
        _operations.Fail(operation, StatusCode.Unavailable, SchedulerAnswers.Draining);
    }

    private void CancelClientDeadline(ScheduledOperation operation)
    {
        _deadlines.Cancel(operation.ClientDeadline);
        operation.ClientDeadline = null;
    }

    /// <summary>
    /// The operation has its answer: clients are told,
    /// and a worker that still holds it is to be told.
    /// </summary>
    private void Complete(ScheduledOperation operation, Reapi.ExecuteResponse answer)
    {
        _queue.Remove(operation);
        Unassign(operation);
        CancelClientDeadline(operation);
        operation.Stage = Reapi.ExecutionStage.Types.Value.Completed;
        operation.Response = Any.Pack(answer);
        OperationRegistry.Publish(operation);
        _operations.Retain(operation, Now);
        _expiry ??= _deadlines.Add(Now + _options.RetainCompletedFor, RemoveExpired);
    }

    private void RemoveExpired()
    {
        _operations.RemoveExpired(Now);
        _expiry = _operations.NextExpiry is { } due ? _deadlines.Add(due, RemoveExpired) : null;
    }
}
