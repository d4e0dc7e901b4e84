using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>The part that keeps the runs: matching, results, attempts, time-outs and kills (wire contract 3.5 to 3.10 and 3.13).</summary>
internal sealed partial class SchedulerEngine
{
    /// <summary>Runs that workers still hold although their operations do not count on them any more.</summary>
    private readonly HashSet<Assignment> _revoked = [];
    private Deadlines.Deadline? _killSweep;

    /// <summary>Gives waiting operations to workers until no more can be placed.</summary>
    private void Match()
    {
        if (_queue.Count == 0)
            return;
        if (_roster.Count > 0)
            _queue.Place(TryStart);
        if (_queue.Count > 0 && _options.MatchLoggingInterval > TimeSpan.Zero)
            _waitReport ??= _deadlines.Add(Now + _options.MatchLoggingInterval, ReportWaiting);
    }

    private void ReportWaiting()
    {
        _waitReport = null;
        if (_queue.Oldest is not { } oldest)
            return;
        _log.NoWorker(_queue.Count, oldest.Id, oldest.Demand, _roster.WhyNone(oldest, Now));
        _waitReport = _deadlines.Add(Now + _options.MatchLoggingInterval, ReportWaiting);
    }

    private bool TryStart(ScheduledOperation operation)
    {
        if (_roster.Choose(operation, Now) is not { } worker)
            return false;
        var run = worker.Hold(operation);
        _revoked.Remove(run);
        operation.Assignment = run;
        operation.Stage = Reapi.ExecutionStage.Types.Value.Executing;
        if (!worker.Link.Say(StartOf(operation, worker)))
            _deadlines.Add(Now, () => Evict(worker, "a start_action could not be delivered to it")); // Not now: a pass is under way.
        WatchTimeout(run);
        WatchSilence(run);
        ClientDesk.Publish(operation);
        return true;
    }

    private static Wire.UpdateForWorker StartOf(ScheduledOperation operation, ConnectedWorker worker) => new()
    {
        StartAction = new Wire.StartExecute
        {
            OperationId = operation.Id.Value,
            QueuedTimestamp = operation.QueuedAt,
            Platform = operation.Demand.Platform,
            WorkerId = worker.Id.Value,
            ExecuteRequest = new Reapi.ExecuteRequest
            {
                InstanceName = operation.Key.Instance,
                ActionDigest = operation.Key.Action.ToWire(),
                DigestFunction = operation.Key.Action.Function.ToWire(),
                SkipCacheLookup = operation.Submission.SkipCacheLookup,
            },
        },
    };

    /// <summary>A worker has answered; decides what that means for the operation.</summary>
    private void Settle(Assignment run, Wire.ExecuteResult result, bool refused)
    {
        var operation = run.Operation;
        var counts = run.IsCurrent || (operation is { Assignment: null, IsCompleted: false } && !run.KillSent);
        if (!counts)
        {
            _log.LateResult(operation.Id, run.Worker.Id);
            return;
        }

        if (result.ResultCase != Wire.ExecuteResult.ResultOneofCase.InternalError)
        {
            Complete(operation, Judge(run, result));
            return;
        }

        if (!run.IsCurrent)
            return; // Queued again already, and the attempt was counted then.
        Unassign(operation, stillHeld: false);
        if (refused)
            Requeue(operation);
        else
            CountAttempt(operation, CodeOf(result.InternalError), result.InternalError.Message);
    }

    /// <summary>An error that says OK must not reach a client as a success.</summary>
    private static StatusCode CodeOf(Google.Rpc.Status error) => error.Code == 0 ? StatusCode.Unknown : (StatusCode)error.Code;

    /// <summary>What clients get of a worker's final answer. An incomplete one ends the operation: waiting for a better one would be for ever.</summary>
    private Reapi.ExecuteResponse Judge(Assignment run, Wire.ExecuteResult result)
    {
        var flaw = result.ExecuteResponse is { } response ? SchedulerAnswers.FirstFlaw(response) : "execute_response and internal_error";
        if (flaw is null)
        {
            Unassign(run.Operation, stillHeld: false);
            return SchedulerAnswers.FromWorker(result.ExecuteResponse!);
        }

        _log.IncompleteResult(run.Operation.Id, run.Worker.Id, flaw);
        Unassign(run.Operation, stillHeld: false);
        return SchedulerAnswers.Failure(StatusCode.Internal, $"worker {run.Worker.Id} sent an incomplete result: {flaw} is absent or malformed");
    }

    /// <summary>The operation counts on no run from now on. A worker that still holds it is told by the next kill sweep.</summary>
    private void Unassign(ScheduledOperation operation, bool stillHeld = true)
    {
        _deadlines.Cancel(operation.RunDeadline);
        _deadlines.Cancel(operation.SilenceDeadline);
        var run = operation.Assignment;
        operation.Assignment = null;
        if (run is null || !stillHeld)
            return;
        _revoked.Add(run);
        if (_options.KillRevokedInterval > TimeSpan.Zero)
            _killSweep ??= _deadlines.Add(Now + _options.KillRevokedInterval, SweepKills);
    }

    private void CountAttempt(ScheduledOperation operation, StatusCode code, string reason, bool stillHeld = false)
    {
        operation.Attempts++;
        _log.AttemptFailed(operation.Id, operation.Attempts, _options.MaxJobRetries + 1, reason);
        if (operation.Attempts > _options.MaxJobRetries)
        {
            Complete(operation, SchedulerAnswers.Failure(code,
                $"{reason} (given up after too many attempts: {operation.Attempts}, max_job_retries is {_options.MaxJobRetries})"));
        }
        else
        {
            Requeue(operation, stillHeld);
        }
    }

    private void Requeue(ScheduledOperation operation, bool stillHeld = false)
    {
        operation.Stage = Reapi.ExecutionStage.Types.Value.Queued;
        _queue.Add(operation, apart: stillHeld);
        ClientDesk.Publish(operation);
    }

    /// <summary>
    /// The action's own clock, from start_action on: looked at every worker time-out, as NativeLink does, so that the worker's own report of the
    /// time-out arrives first.
    /// </summary>
    private void WatchTimeout(Assignment run)
    {
        if (run.Operation.Submission.Timeout is not { } timeout)
            return;
        var step = _options.WorkerTimeout > TimeSpan.Zero ? _options.WorkerTimeout : LivenessCheck;
        var due = Now + (step * (Math.Floor(timeout / step) + 1));
        run.Operation.RunDeadline = _deadlines.Add(due, () => TakeBack(run, $"the action ran longer than its timeout of {timeout.TotalSeconds} s"));
    }

    private void WatchSilence(Assignment run)
    {
        if (_options.MaxActionExecutingTimeout <= TimeSpan.Zero)
            return;
        _deadlines.Cancel(run.Operation.SilenceDeadline);
        run.Operation.SilenceDeadline = _deadlines.Add(Now + _options.MaxActionExecutingTimeout,
            () => TakeBack(run, $"its worker has said nothing of it for {_options.MaxActionExecutingTimeout.TotalSeconds} s"));
    }

    /// <summary>Queues a running operation again while its worker still holds it.</summary>
    private void TakeBack(Assignment run, string reason)
    {
        if (!run.IsCurrent)
            return;
        Unassign(run.Operation);
        CountAttempt(run.Operation, StatusCode.DeadlineExceeded, reason, stillHeld: true);
        Match();
    }

    private void SweepKills()
    {
        foreach (var run in _revoked.Where(r => !r.KillSent).ToList())
            Kill(run);
        _killSweep = _revoked.Any(r => !r.KillSent) ? _deadlines.Add(Now + _options.KillRevokedInterval, SweepKills) : null;
    }

    /// <summary>Asks the worker, once, to end a run; any result for it is the acknowledgement.</summary>
    private void Kill(Assignment run)
    {
        if (run.KillSent)
            return;
        run.KillSent = true;
        _log.KillSent(run.Operation.Id, run.Worker.Id);
        var kill = new Wire.UpdateForWorker { KillOperationRequest = new Wire.KillOperationRequest { OperationId = run.Operation.Id.Value } };
        if (!run.Worker.Link.Say(kill))
        {
            Evict(run.Worker, "a kill could not be delivered to it");
            return;
        }

        run.KillDeadline = _deadlines.Add(Now + _options.UnacknowledgedKillTimeout,
            () => Evict(run.Worker, $"it has not acknowledged a kill for {_options.UnacknowledgedKillTimeout.TotalSeconds} s"));
    }
}
