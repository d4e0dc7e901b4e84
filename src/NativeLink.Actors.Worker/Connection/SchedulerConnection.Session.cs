using Akka.Actor;
using Akka.Event;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Telemetry;
using static NativeLink.Actors.Worker.Connection.ConnectionProtocol;
using static NativeLink.Actors.Worker.Operations.ExecutorProtocol;

namespace NativeLink.Actors.Worker.Connection;

/// <content>An open stream: operations come and are answered, until it is lost or left.</content>
public sealed partial class SchedulerConnection
{
    private void Serving(object message)
    {
        switch (message)
        {
            case Update update when update.Epoch == _epoch:
                OnUpdate(update.Message);
                break;
            case ProcessEnded ended when _operations.Find(ended.Id) is { Superseded: false } operation:
                Send(new Wire.UpdateForScheduler { ExecuteComplete = new Wire.ExecuteComplete { OperationId = operation.Assignment.Id.Value } });
                break;
            case Finished finished when _operations.Find(finished.Id) is { Executor: not null } operation:
                OnFinished(operation, finished);
                break;
            case ExecutorGone gone when _operations.Find(gone.Attempt) is { Executor: not null } operation:
                OnExecutorGone(operation);
                break;
            case AnswerNow answer when _operations.Find(answer.Attempt) is { Held: { } held } operation:
                Answer(operation, held);
                break;
            default:
                OnAnySession(message);
                break;
        }
    }

    private void OnAnySession(object message)
    {
        switch (message)
        {
            case StreamEnded ended when ended.Epoch == _epoch:
                Lose(ended.Fault ?? new Fault(FaultKind.Worker, "the scheduler ended the stream"));
                break;
            case KeepAlive.Silent silent when silent.Epoch == _epoch:
                Lose(silent.Fault);
                break;
            case NotSent failed when failed.Epoch == _epoch:
                Lose(failed.Fault);
                break;
            case Drain:
                _drainer = Sender;
                BeginDrain();
                break;
            case Shutdown:
                _stopping = true;
                Lose(new Fault(FaultKind.Aborted, "the worker is shutting down"));
                break;
            default:
                // Left over from an earlier stream, or a slot's Terminated: nothing to do.
                break;
        }
    }

    private void OnUpdate(Wire.UpdateForWorker update)
    {
        switch (update.UpdateCase)
        {
            case Wire.UpdateForWorker.UpdateOneofCase.StartAction:
                OnStartAction(update.StartAction);
                break;
            case Wire.UpdateForWorker.UpdateOneofCase.KillOperationRequest:
                OnKill(new OperationId(update.KillOperationRequest.OperationId));
                break;
            case Wire.UpdateForWorker.UpdateOneofCase.Disconnect:
                Lose(new Fault(FaultKind.Worker, "the scheduler said disconnect"));
                break;
            case Wire.UpdateForWorker.UpdateOneofCase.ConnectionResult:
                Lose(new Fault(FaultKind.Worker, "the scheduler sent a second connection_result"));
                break;
            default:
                // keep_alive asks for nothing, and a newer scheduler may say what this release does not know.
                break;
        }
    }

    private void OnStartAction(Wire.StartExecute start)
    {
        var instance = start.ExecuteRequest?.InstanceName ?? "";
        if (_operations.SupersedeKilled(new OperationId(start.OperationId)))
            _log.Info("operation {OperationId} was sent again after its kill: it is run anew, and the killed attempt is not answered", start.OperationId);
        if (!ActionAssignment.TryParse(start, _worker, out var assignment, out var fault))
        {
            // An id that already has an operation is answered by that one alone.
            if (_operations.Find(new OperationId(start.OperationId)) is null)
                Refuse(start.OperationId, instance, fault);
            return;
        }
        if (_operations.Find(assignment.Id) is null && _drainer is not null)
        {
            Refuse(start.OperationId, instance, Draining());
            return;
        }
        switch (_operations.Admit(assignment))
        {
            case OperationTable.Admission.Admitted:
                WorkerMetrics.ChangeWaiting(1);
                StartWaiting();
                break;
            case OperationTable.Admission.Adopted:
                _log.Info("operation {OperationId} was sent again while it runs: adopted, it will be answered once", assignment.Id);
                break;
            default:
                Refuse(start.OperationId, instance, new Fault(FaultKind.Worker,
                    $"operation {assignment.Id} is running here with action {_operations.Find(assignment.Id)!.Assignment.Action}, not {assignment.Action}")
                { Code = Grpc.Core.StatusCode.AlreadyExists });
                break;
        }
    }

    private void StartWaiting()
    {
        while (_operations.TakeNext() is { } operation)
        {
            WorkerMetrics.ChangeWaiting(-1);
            WorkerMetrics.ChangeInflight(1);
            var executor = Context.ActorOf(_settings.Executor());
            operation.Executor = executor;
            Context.WatchWith(executor, new ExecutorGone(operation.Attempt));
            executor.Tell(new Start(operation.Attempt, operation.Assignment));
        }
    }

    private void OnKill(OperationId id)
    {
        const string Reason = "the scheduler killed the operation";
        if (_operations.Find(id) is not { } operation)
        {
            // Never heard of, or answered while the kill was on its way: a result now would evict the worker.
            _log.Info("kill for operation {OperationId}, which does not run here: ignored", id);
            return;
        }
        operation.Killed = true;
        if (operation.Executor is { } executor)
            executor.Tell(new KillAction(operation.Attempt, Reason));
        else
            Answer(operation, operation.Held ?? NotStarted(operation, new Fault(FaultKind.Aborted, Reason), ActionVerdict.Killed));
    }

    private void OnFinished(Operation operation, Finished finished)
    {
        FreeSlot(operation);
        if (finished.Verdict != ActionVerdict.PreconditionFailed)
            _backPressure.Reset();
        else if (_operations.Count == 1 && _drainer is null && !operation.Killed)
        {
            // Nothing else runs here: the scheduler would send the operation again at once, for ever.
            var delay = _backPressure.Next();
            operation.Held = finished.Result;
            Timers.StartSingleTimer(finished.Id, new AnswerNow(finished.Id), delay);
            return;
        }
        Answer(operation, finished.Result);
    }

    private void OnExecutorGone(Operation operation)
    {
        _log.Error("the executor of operation {OperationId} died; the operation is answered with an internal error", operation.Assignment.Id);
        FreeSlot(operation);
        Answer(operation, NotStarted(operation, new Fault(FaultKind.Worker, "the worker's executor of this operation failed unexpectedly; see the worker's log"),
            ActionVerdict.Infrastructure));
    }

    private void Answer(Operation operation, Wire.ExecuteResult result)
    {
        if (operation.Held is not null)
            Timers.Cancel(operation.Attempt);
        if (operation.Executor is null && operation.Held is null && result.ResultCase == Wire.ExecuteResult.ResultOneofCase.None)
            throw new InvalidOperationException($"operation {operation.Assignment.Id} has no answer");
        if (!operation.Superseded)
            Send(new Wire.UpdateForScheduler { ExecuteResult = result });
        Forget(operation);
        StartWaiting();
        CheckDrained();
    }

    private void Refuse(string operationId, string instance, Fault fault)
    {
        _log.Info("operation {OperationId} refused: {Reason}", operationId, fault.Detail);
        WorkerMetrics.RecordAction(ActionVerdict.Refused.Label(), TimeSpan.Zero);
        Send(new Wire.UpdateForScheduler { ExecuteResult = ActionReport.Refuse(operationId, instance, fault) });
    }

    private static Wire.ExecuteResult NotStarted(Operation operation, Fault fault, ActionVerdict verdict)
    {
        var now = Context.System.Scheduler.Now;
        WorkerMetrics.RecordAction(verdict.Label(), TimeSpan.Zero);
        return ActionReport.Build(new ActionOutcome(operation.Assignment, verdict, fault, new ActionStamps { WorkerStart = now, WorkerCompleted = now }));
    }

    private void Send(Wire.UpdateForScheduler message)
    {
        var epoch = _epoch;
        _session!.SendAsync(message, CancellationToken.None).PipeTo(Self, failure: error => new NotSent(epoch, Fault.From(error)));
    }

    private void FreeSlot(Operation operation)
    {
        if (operation.Executor is null)
            return;
        _operations.FreeSlot(operation);
        WorkerMetrics.ChangeInflight(-1);
    }

    private void Forget(Operation operation)
    {
        FreeSlot(operation);
        var waiting = _operations.Waiting;
        _operations.Remove(operation);
        WorkerMetrics.ChangeWaiting(_operations.Waiting - waiting);
    }

    // --- leaving in order ---

    private static Fault Draining() => new(FaultKind.Worker, "the worker is shutting down and takes no new work") { Code = Grpc.Core.StatusCode.ResourceExhausted };

    private void BeginDrain()
    {
        _log.Info("draining: {Count} operations are finished first, new ones are refused", _operations.Running);
        foreach (var operation in _operations.All.Where(operation => operation.Executor is null).ToList())
        {
            Answer(operation, operation.Held
                ?? ActionReport.Refuse(operation.Assignment.Id.Value, operation.Assignment.InstanceName, Draining()));
        }
        CheckDrained();
    }

    private void CheckDrained()
    {
        if (_drainer is null || _operations.Count > 0 || _stopping || !_registered)
            return;
        _stopping = true;
        var epoch = _epoch;
        _session!.SendAsync(new Wire.UpdateForScheduler { GoingAwayRequest = new Wire.GoingAwayRequest() }, CancellationToken.None)
            .PipeTo(Self, success: () => new SaidGoodbye(epoch, null), failure: error => new SaidGoodbye(epoch, Fault.From(error)));
        Timers.StartSingleTimer(TimerKeys.Close, new SaidGoodbye(epoch, new Fault(FaultKind.Worker, "the scheduler does not read")), _settings.CloseTimeout);
        Become(SayingGoodbye);
    }

    private void SayingGoodbye(object message)
    {
        switch (message)
        {
            case SaidGoodbye said when said.Epoch == _epoch:
                _log.Info("said goodbye to {Scheduler}{Problem}", Options.SchedulerEndpoint.Address, said.Fault is { } fault ? $": {fault.Detail}" : "");
                Leave(completed: true);
                break;
            case Update { Message.StartAction: { } start } late when late.Epoch == _epoch:
                Refuse(start.OperationId, start.ExecuteRequest?.InstanceName ?? "", Draining());
                break;
            case Shutdown:
                Leave(completed: true);
                break;
            default:
                break;
        }
    }

    private void Leave(bool completed)
    {
        ForgetStream();
        _drainer?.Tell(new Drained(completed));
        Context.Stop(Self);
    }

    // --- losing the stream ---

    private void Lose(Fault fault)
    {
        // What waits or is held back has not been finished either.
        _lost |= _operations.Count > 0;
        Timers.Cancel(TimerKeys.Stream);
        if (!_registered)
            WorkerMetrics.RecordConnect(registered: false);
        var running = _operations.All.Where(operation => operation.Executor is not null).ToList();
        if (fault.Kind == FaultKind.Aborted && running.Count == 0)
            _log.Debug("stream to {Scheduler} ended: {Reason}", Options.SchedulerEndpoint.Address, fault.Detail);
        else
            _log.Warning("stream to {Scheduler} ended: {Reason}; {Count} running operations are killed", Options.SchedulerEndpoint.Address, fault.Detail, running.Count);
        foreach (var operation in _operations.All.ToList())
        {
            if (operation.Executor is { } executor)
                executor.Tell(new KillAction(operation.Attempt, "the stream to the scheduler was lost"));
            else
                Forget(operation);
            Timers.Cancel(operation.Attempt);
        }
        ForgetStream();
        Become(Closing);
        Timers.StartSingleTimer(TimerKeys.Close, new TimeIsUp(_epoch), _settings.CloseTimeout);
        CheckClosed();
    }

    private void Closing(object message)
    {
        switch (message)
        {
            case Finished finished when _operations.Find(finished.Id) is { } operation:
                Forget(operation);
                CheckClosed();
                break;
            case ExecutorGone gone when _operations.Find(gone.Attempt) is { } operation:
                Forget(operation);
                CheckClosed();
                break;
            case TimeIsUp up when up.Epoch == _epoch:
                _log.Warning("{Count} operations did not end in time; their executors are stopped", _operations.Count);
                foreach (var operation in _operations.All.ToList())
                {
                    Context.Stop(operation.Executor);
                    Forget(operation);
                }
                CheckClosed();
                break;
            case Shutdown:
                _stopping = true;
                break;
            case Drain:
                _drainer = Sender;
                break;
            default:
                break;
        }
    }

    private void CheckClosed()
    {
        if (_operations.Count > 0)
            return;
        Timers.Cancel(TimerKeys.Close);
        if (_stopping || _drainer is not null)
        {
            Leave(completed: !_lost);
            return;
        }
        var delay = _reconnect.Next();
        _log.Info("connecting again in {Seconds:0.0} s", delay.TotalSeconds);
        Timers.StartSingleTimer(TimerKeys.Stream, new TimeIsUp(_epoch), delay);
        Become(BackingOff);
    }

    private void ForgetStream()
    {
        if (_keepAlive is { } keepAlive)
        {
            Context.Unwatch(keepAlive);
            Context.Stop(keepAlive);
        }
        if (_registered)
            WorkerMetrics.ChangeConnected(-1);
        if (_session is { } session)
            Discard(session);
        (_keepAlive, _session, _registered) = (null, null, false);
    }

    private void Discard(ISchedulerSession session) =>
        session.DisposeAsync().AsTask().PipeTo(Self, failure: error => new Discarded(error.Message));

    private sealed record Discarded(string Problem);
}
