using Akka.Actor;
using Akka.Event;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Telemetry;
using static NativeLink.Actors.Worker.Connection.ConnectionProtocol;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;
using static NativeLink.Actors.Worker.Connection.StreamProtocol;
using static NativeLink.Actors.Worker.Operations.ExecutorProtocol;

namespace NativeLink.Actors.Worker.Connection;

/// <content>A registered worker: operations come and are answered, until the stream is lost or left.</content>
internal sealed partial class SchedulerConnection
{
    private void Serving(object message)
    {
        switch (message)
        {
            case ActionAssigned assigned when IsOfStream:
                OnAssigned(assigned.Assignment);
                break;
            case RefuseNow:
                RefuseSome();
                break;
            case Drain:
                _orders.Ending = new StandingOrders.Leave(Sender);
                BeginLeaving("draining");
                break;
            case Pause pause:
                _orders.Pause = new StandingOrders.Rest(pause.Reason, false);
                BeginLeaving($"to be paused ({pause.Reason})");
                break;
            case BreakerOpened opened:
                OnBreakerOpened(opened.Reason);
                break;
            case Resume:
                // Nothing is paused.
                break;
            default:
                OnRegisteredWorker(message);
                break;
        }
    }

    /// <summary>What runs is finished; new work is refused.</summary>
    private void Draining(object message)
    {
        switch (message)
        {
            case ActionAssigned assigned when IsOfStream:
                OnAssignedInDrain(assigned.Assignment);
                break;
            case Resume when _orders.Ending is null:
                _orders.Pause = null;
                _log.Info("resumed, before all that ran was finished: actions are taken again");
                EnterPhase(WorkerPhase.Serving);
                Become(Serving);
                break;
            case Drain or Pause or Resume:
                OnAskedWhileLeaving(message);
                break;
            default:
                OnRegisteredWorker(message);
                break;
        }
    }

    private void OnRegisteredWorker(object message)
    {
        switch (message)
        {
            case AssignmentUnusable unusable when IsOfStream:
                OnUnusable(unusable);
                break;
            case KillRequested kill when IsOfStream:
                OnKill(kill.Operation);
                break;
            case ProcessEnded ended when _operations.Find(ended.Id) is { Superseded: false } operation:
                _stream.Tell(new ExecutionCompleted(operation.Assignment.Id));
                break;
            case Finished finished when _operations.Find(finished.Id) is { Executor: not null } operation:
                OnFinished(operation, finished);
                break;
            case AdoptedProcessEnded ended when _operations.Find(ended.Attempt) is { Foster: not null } operation:
                _stream.Tell(new ExecutionCompleted(operation.Assignment.Id));
                break;
            case ExecutorGone gone when _operations.Find(gone.Attempt) is { Executor: not null } operation:
                OnExecutorGone(operation);
                break;
            case AnswerNow answer when _operations.Find(answer.Attempt) is { Held: { } held } operation:
                Answer(operation, held);
                break;
            case StreamLost lost when IsOfStream:
                Lose(lost.Fault, HasLost(lost.ResultsSent));
                break;
            case StreamGone gone when gone.Stream.Equals(_stream):
                Lose(StreamFailed, resultsLost: _resultsTold > 0);
                break;
            case Shutdown:
                _orders.Ending = new StandingOrders.Leave(_orders.Ending?.Drainer);
                Lose(new Fault(FaultKind.Aborted, "the worker is shutting down"), resultsLost: false, mayRunOn: false);
                break;
            default:
                OnLate(message);
                break;
        }
    }

    // --- operations come ---

    private void OnAssigned(ActionAssignment assignment)
    {
        SupersedeKilled(assignment.Id);
        if (IsTooMany(assignment) || TryAdopt(assignment))
            return;
        switch (_operations.Admit(assignment))
        {
            case OperationTable.Admission.Admitted:
                WorkerMetrics.ChangeWaiting(1);
                StartWaiting();
                break;
            case OperationTable.Admission.Adopted:
                _log.Info("operation {OperationId} was sent again while it runs: adopted, it will be answered once",
                    assignment.Id);
                break;
            case OperationTable.Admission.Conflict:
                var known = _operations.Find(assignment.Id)!.Assignment;
                Refuse(assignment.Id, assignment.InstanceName, new Fault(
                    FaultKind.Worker,
                    $"operation {assignment.Id} is running here with action {known.Action}, not {assignment.Action}")
                { Code = Grpc.Core.StatusCode.AlreadyExists });
                break;
        }
    }

    private void OnAssignedInDrain(ActionAssignment assignment)
    {
        SupersedeKilled(assignment.Id);
        // One that runs here already is adopted or refused as ever.
        if (_operations.Find(assignment.Id) is null)
            Refuse(assignment.Id, assignment.InstanceName, LeavingFault);
        else
            OnAssigned(assignment);
    }

    private void OnUnusable(AssignmentUnusable unusable)
    {
        SupersedeKilled(unusable.Operation);
        // An id that already has an operation is answered by that one alone.
        if (_operations.Find(unusable.Operation) is null && !_tooMany.ContainsKey(unusable.Operation))
            Refuse(unusable.Operation, unusable.InstanceName, unusable.Fault);
    }

    private void SupersedeKilled(OperationId id)
    {
        if (_operations.SupersedeKilled(id))
            _log.Info(
                "operation {OperationId} was sent again after its kill: it is run anew, " +
                "and the killed attempt is not answered", id);
    }

    private void StartWaiting()
    {
        while (_operations.TakeNext() is { } operation)
        {
            WorkerMetrics.ChangeWaiting(-1);
            WorkerMetrics.ChangeInflight(1);
            if (_operations.Waiting < _settings.MostWaiting / 2)
                _overflow.Reset();
            var executor = Context.ActorOf(_settings.Executor(), ActorNames.Of(operation.Attempt));
            operation.Executor = executor;
            Context.WatchWith(executor, new ExecutorGone(operation.Attempt));
            executor.Tell(new Start(operation.Attempt, operation.Assignment));
        }
    }

    private void OnKill(OperationId id)
    {
        const string Reason = "the scheduler killed the operation";
        if (KillTooMany(id))
            return;
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
            Answer(operation,
                operation.Held ?? NotStarted(operation, new Fault(FaultKind.Aborted, Reason), ResultKind.Killed));
    }

    // --- and are answered ---

    private void OnFinished(Operation operation, Finished finished)
    {
        FreeSlot(operation);
        Judge(finished.ResultKind, finished.Result);
        if (operation.IsOrphan)
            SettleOrphan(operation, finished);
        if (finished.ResultKind != ResultKind.PreconditionFailed)
            _backPressure.Reset();
        else if (_operations.Count == 1 && !IsLeaving && operation is { Killed: false, Superseded: false })
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
        _log.Error("the executor of operation {OperationId} died; the operation is answered with an internal error",
            operation.Assignment.Id);
        FreeSlot(operation);
        if (operation.IsOrphan)
        {
            SettleOrphan(operation, null);
            Forget(operation);
            StartWaiting();
            CheckDrained();
            return;
        }
        var result = NotStarted(operation, new Fault(
            FaultKind.Worker, "the worker's executor of this operation failed unexpectedly; see the worker's log"),
            ResultKind.Infrastructure);
        Judge(ResultKind.Infrastructure, result);
        Answer(operation, result);
    }

    private void Answer(Operation operation, ExecuteResult result)
    {
        if (operation.Held is not null)
            Timers.Cancel(operation.Attempt);
        if (!operation.Superseded)
            Tell(result);
        Forget(operation);
        StartWaiting();
        CheckDrained();
    }

    private void Refuse(OperationId operation, string instance, Fault fault)
    {
        _log.Info("operation {OperationId} refused: {Reason}", operation, fault.Detail);
        WorkerMetrics.RecordAction(ResultKind.Refused.Label(), TimeSpan.Zero);
        Tell(ExecuteResultBuilder.Refuse(operation, instance, fault));
    }

    private void Tell(ExecuteResult result)
    {
        _resultsTold++;
        _stream.Tell(new ResultReady(result));
    }

    /// <summary>
    /// What a stream was told after its end, and what
    /// it could not send, the scheduler has not heard.
    /// </summary>
    private bool HasLost(int resultsSent) => resultsSent < _resultsTold;

    private static ExecuteResult NotStarted(Operation operation, Fault fault, ResultKind resultKind)
    {
        var now = Context.System.Scheduler.Now;
        WorkerMetrics.RecordAction(resultKind.Label(), TimeSpan.Zero);
        return ExecuteResultBuilder.Build(new ActionOutcome(operation.Assignment, resultKind, fault, new ActionStamps
        {
            WorkerStart = now,
            WorkerCompleted = now,
        }));
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
        operation.Foster?.Tell(new AdoptionOver(operation.Attempt, operation.Assignment.Action, operation.Killed));
        operation.Foster = null;
        var waiting = _operations.Waiting;
        _operations.Remove(operation);
        WorkerMetrics.ChangeWaiting(_operations.Waiting - waiting);
    }
}
