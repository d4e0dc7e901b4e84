using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>
/// The part that keeps the runs: results, attempts, time-outs
/// and kills (protos/README.md 3.5 to 3.10 and 3.13).
/// </summary>
internal sealed partial class SchedulerEngine
{
    /// <summary>Runs that workers still hold although their operations do not count on them any more.</summary>
    private readonly HashSet<Assignment> _revoked = [];
    private Deadlines.Deadline? _killSweep;

    /// <summary>
    /// A worker has answered; decides what that means for the operation. The
    /// first good result of a run that was not told to end is the answer,
    /// also when the operation was given to another worker meanwhile.
    /// </summary>
    private void Settle(Assignment run, Wire.ExecuteResult result, bool refused)
    {
        var operation = run.Operation;
        var counts = run.IsCurrent || (!operation.IsOver && !run.KillSent
            && (operation.Assignment is null || IsGood(result)));
        if (!counts)
        {
            _log.LateResult(operation.Id, run.Worker.Id);
            return;
        }

        if (result.ResultCase != Wire.ExecuteResult.ResultOneofCase.InternalError)
        {
            Unassign(operation, answered: run);
            CompleteAndKill(operation, Judge(run, result));
            return;
        }

        if (!run.IsCurrent)
            return; // Queued again already, and the attempt was counted then.
        Unassign(operation, answered: run);
        if (refused)
            Requeue(operation);
        else
            CountAttempt(operation, CodeOf(result.InternalError), result.InternalError.Message);
    }

    private static bool IsGood(Wire.ExecuteResult result) =>
        result.ExecuteResponse is { } response && (response.Status?.Code ?? 0) == 0
            && SchedulerAnswers.FirstFlaw(response) is null;

    /// <summary>An error that says OK must not reach a client as a success.</summary>
    private static StatusCode CodeOf(Google.Rpc.Status error) =>
        error.Code == 0 ? StatusCode.Unknown : (StatusCode)error.Code;

    /// <summary>
    /// What clients get of a worker's final answer. An incomplete one ends the operation: waiting
    /// for a better one would be for ever.
    /// </summary>
    private Reapi.ExecuteResponse Judge(Assignment run, Wire.ExecuteResult result)
    {
        var flaw = result.ExecuteResponse is { } response
            ? SchedulerAnswers.FirstFlaw(response)
            : "execute_response and internal_error";
        if (flaw is null)
            return SchedulerAnswers.FromWorker(result.ExecuteResponse!);
        _log.IncompleteResult(run.Operation.Id, run.Worker.Id, flaw);
        return SchedulerAnswers.Failure(StatusCode.Internal,
            $"worker {run.Worker.Id} sent an incomplete result: {flaw} is absent or malformed");
    }

    /// <summary>
    /// The operation counts on no run from now on. A worker
    /// that still holds it is told by the next kill sweep.
    /// </summary>
    /// <param name="answered">The run that has ended; any other is still held by its worker.</param>
    private void Unassign(ScheduledOperation operation, Assignment? answered = null)
    {
        var run = operation.Assignment;
        if (run is not null && answered is not null && !ReferenceEquals(run, answered))
            return;
        _deadlines.Cancel(operation.RunDeadline);
        _deadlines.Cancel(operation.SilenceDeadline);
        operation.Assignment = null;
        if (run is null || answered is not null)
            return;
        _revoked.Add(run);
        if (_options.KillRevokedInterval > TimeSpan.Zero)
            _killSweep ??= _deadlines.Add(Now + _options.KillRevokedInterval, SweepKills);
    }

    private void CountAttempt(ScheduledOperation operation, StatusCode code, string reason)
    {
        operation.Attempts++;
        _log.AttemptFailed(operation.Id, operation.Attempts, _options.MaxJobRetries + 1, reason);
        if (operation.Attempts > _options.MaxJobRetries)
        {
            Complete(operation, SchedulerAnswers.Failure(code,
                $"{reason} (given up after too many attempts: {operation.Attempts}, " +
                $"max_job_retries is {_options.MaxJobRetries})"));
        }
        else
        {
            Requeue(operation);
        }
    }

    /// <summary>
    /// The action's own clock, from start_action until execute_complete. The
    /// scheduler is not told when the run begins, so that what staging may
    /// take is added; the worker's own report of the time-out arrives first.
    /// </summary>
    private void WatchTimeout(Assignment run)
    {
        var operation = run.Operation;
        if (operation.Submission.Timeout is not { } timeout || run.ProcessEnded)
            return;
        var staging = _options.StagingTimeout;
        operation.RunDeadline = _deadlines.Add(Now + timeout + staging, () => TakeBack(run,
            $"exceeded deadline: its worker has not said within the timeout of {timeout.TotalSeconds} s and " +
            $"{staging.TotalSeconds} s for its inputs that it ended"));
    }

    private void WatchSilence(Assignment run)
    {
        if (_options.MaxActionExecutingTimeout <= TimeSpan.Zero)
            return;
        _deadlines.Cancel(run.Operation.SilenceDeadline);
        run.Operation.SilenceDeadline = _deadlines.Add(Now + _options.MaxActionExecutingTimeout,
            () => TakeBack(
                run, $"its worker has said nothing of it for {_options.MaxActionExecutingTimeout.TotalSeconds} s"));
    }

    /// <summary>Queues a running operation again while its worker still holds it.</summary>
    private void TakeBack(Assignment run, string reason)
    {
        if (!run.IsCurrent)
            return;
        Unassign(run.Operation);
        CountAttempt(run.Operation, StatusCode.DeadlineExceeded, reason);
        OfferToWorkers(run.Operation);
    }

    private void SweepKills()
    {
        foreach (var run in _revoked.Where(r => !r.KillSent).ToList())
            Kill(run);
        _killSweep = _revoked.Any(r => !r.KillSent)
            ? _deadlines.Add(Now + _options.KillRevokedInterval, SweepKills)
            : null;
    }

    /// <summary>Asks the worker, once, to end a run; any result for it is the acknowledgement.</summary>
    private void Kill(Assignment run)
    {
        if (run.KillSent)
            return;
        run.KillSent = true;
        _log.KillSent(run.Operation.Id, run.Worker.Id);
        var kill = new Wire.UpdateForWorker
        {
            KillOperationRequest = new Wire.KillOperationRequest { OperationId = run.Operation.Id.Value },
        };
        if (!run.Worker.Link.TrySend(kill))
        {
            Evict(run.Worker, "a kill could not be delivered to it");
            return;
        }

        run.KillDeadline = _deadlines.Add(Now + _options.UnacknowledgedKillTimeout,
            () => Evict(
                run.Worker, $"it has not acknowledged a kill for {_options.UnacknowledgedKillTimeout.TotalSeconds} s"));
    }
}
