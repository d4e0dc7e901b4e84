using Akka.Actor;
using Akka.Event;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Supervision;
using NativeLink.Actors.Worker.Telemetry;
using static NativeLink.Actors.Worker.Connection.ConnectionProtocol;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;
using static NativeLink.Actors.Worker.Connection.StreamProtocol;
using static NativeLink.Actors.Worker.Operations.ExecutorProtocol;

namespace NativeLink.Actors.Worker.Connection;

/// <content>The end of a stream: left in order, or lost; and what still runs then.</content>
internal sealed partial class SchedulerConnection
{
    private const int MostNamed = 20;

    // --- leaving in order ---

    private Fault LeavingFault => new(FaultKind.Worker, _orders.Ending is null && _orders.Pause is not null
        ? $"the worker is paused and takes no new work: {_orders.Pause.Reason}"
        : "the worker is shutting down and takes no new work")
    {
        Code = Grpc.Core.StatusCode.ResourceExhausted,
    };

    private void BeginLeaving(string why)
    {
        _log.Info("{Why}: {Count} operations are finished first, {Waiting} that wait, and new ones, are refused",
            why, _operations.Running, _operations.Waiting + _tooMany.Count);
        EnterPhase(WorkerPhase.Draining, _orders.Pause?.Reason ?? "");
        Become(Draining);
        RefuseTooMany(LeavingFault);
        var waiting = _operations.All.Where(static operation => operation is { Executor: null, Foster: null }).ToList();
        foreach (var operation in waiting)
            Answer(operation, operation.Held
                ?? ExecuteResultBuilder.Refuse(
                    operation.Assignment.Id, operation.Assignment.InstanceName, LeavingFault));
        // Else the last answer has.
        if (waiting.Count == 0)
            CheckDrained();
    }

    /// <summary>Where the worker leaves already.</summary>
    private void OnAskedWhileLeaving(object message)
    {
        switch (message)
        {
            case Drain:
                _orders.Ending = new StandingOrders.Leave(Sender);
                break;
            case Pause pause when _orders.Ending is null:
                _orders.Pause = new StandingOrders.Rest(pause.Reason, false);
                break;
            case Resume when _orders.Ending is null:
                _orders.Pause = null;
                break;
        }
    }

    private void CheckDrained()
    {
        if (!IsLeaving || _operations.Count > 0)
            return;
        _stream.Tell(new Close());
        Become(Leaving);
    }

    private void Leaving(object message)
    {
        switch (message)
        {
            case StreamClosed closed when IsOfStream:
                _log.Info("said goodbye to {Scheduler}{Problem}", Options.SchedulerEndpoint.Address,
                    closed.Fault is { } fault ? $": {fault.Detail}" : "");
                Left(completed: !HasLost(closed.ResultsSent));
                break;
            case StreamLost lost when IsOfStream:
                Left(completed: !HasLost(lost.ResultsSent));
                break;
            case StreamGone gone when gone.Stream.Equals(_stream):
                Left(completed: _resultsTold == 0);
                break;
            case ActionAssigned assigned when IsOfStream:
                RefuseWhileLeaving(assigned.Assignment.Id, assigned.Assignment.InstanceName, LeavingFault);
                break;
            case AssignmentUnusable unusable when IsOfStream:
                RefuseWhileLeaving(unusable.Operation, unusable.InstanceName, unusable.Fault);
                break;
            case KillRequested or StreamRegistered when IsOfStream:
                // Answered already; and it leaves all the same.
                break;
            case Drain or Pause or Resume:
                OnAskedWhileLeaving(message);
                break;
            case Shutdown:
                Leave(completed: _resultsTold == 0);
                break;
            default:
                OnLate(message);
                break;
        }
    }

    /// <summary>
    /// May not leave any more: the scheduler knows from the end of
    /// the stream that nothing came of it, and no work is lost.
    /// </summary>
    private void RefuseWhileLeaving(OperationId operation, string instance, Fault fault)
    {
        var told = _resultsTold;
        Refuse(operation, instance, fault);
        _resultsTold = told;
    }

    /// <summary>The stream has ended, in order: for good, for a pause, or for nothing any more.</summary>
    private void Left(bool completed)
    {
        ForgetWorker();
        _stream = ActorRefs.Nobody;
        if (_orders.Ending is not null)
        {
            LeaveAfterOrphans(completed);
            return;
        }
        if (_orders.Pause is { } pause)
            StayPaused(pause);
        else
            Connect();
    }

    /// <summary>They have no stream to be answered on, but are finished.</summary>
    private void LeaveAfterOrphans(bool completed)
    {
        if (_operations.Count == 0)
        {
            Leave(completed && !_orders.LostWork);
            return;
        }
        _log.Info("draining: {Count} actions whose stream was lost are finished first", _operations.Count);
        _orders.LostWork |= !completed;
        EnterPhase(WorkerPhase.Draining);
        Become(Closing);
    }

    private void LogCutOrphans()
    {
        _isCut = true;
        if (_operations.Running > 0)
            _log.Warning("{Count} actions whose stream was lost are ended{Operations}", _operations.Running,
                Names(_operations.Running));
    }

    private void Leave(bool completed)
    {
        _orders.Ending?.Drainer?.Tell(new Drained(completed));
        Context.StopChildren();
        Context.Stop(Self);
    }

    // --- losing the stream ---

    private void Lose(Fault fault, bool resultsLost, bool mayRunOn = true)
    {
        _isCut |= !mayRunOn;
        // What waits or is held back has not been finished either.
        _orders.LostWork |= resultsLost || _operations.Count - _operations.Orphans + _tooMany.Count > 0;
        ForgetTooMany();
        ForgetWorker();
        var running = _operations.Running - (mayRunOn ? _operations.Orphans : 0);
        if (fault.Kind == FaultKind.Aborted && running == 0)
            _log.Debug("stream to {Scheduler} ended: {Reason}", Options.SchedulerEndpoint.Address, fault.Detail);
        else
            _log.Warning("stream to {Scheduler} ended: {Reason}; {Count} running operations {Fate}{Operations}",
                Options.SchedulerEndpoint.Address, fault.Detail, running,
                mayRunOn && Options.OnDisconnect.Finish ? "run on" : "are killed", Names(running));
        foreach (var operation in _operations.All.Where(operation => !mayRunOn || !operation.IsOrphan).ToList())
        {
            if (mayRunOn && TryOrphan(operation))
                continue;
            if (operation.Executor is { } executor)
                executor.Tell(new KillAction(operation.Attempt, "the stream to the scheduler was lost"));
            else
                Forget(operation);
            Timers.Cancel(operation.Attempt);
        }
        // A stream that still is there sends first what it was given.
        _stream.Tell(PoisonPill.Instance);
        _stream = ActorRefs.Nobody;
        EnterPhase(WorkerPhase.Closing, fault.Detail);
        Become(Closing);
        Timers.StartSingleTimer(TimerKeys.Close, TimeIsUp.Instance, _settings.CloseTimeout);
        CheckClosed();
    }

    /// <summary>Which ones, the first of them by name.</summary>
    private string Names(int running)
    {
        if (running == 0)
            return "";
        var names = _operations.All
            .Where(operation => operation.Executor is not null && (_isCut || !operation.IsOrphan)).Take(MostNamed)
            .Select(static operation => operation.Assignment.Id.Value);
        return $": {string.Join(", ", names)}{(running > MostNamed ? ", …" : "")}";
    }

    /// <summary>The stream is gone; the next one, if there is to be one, waits for what still runs.</summary>
    private void Closing(object message)
    {
        switch (message)
        {
            case Finished finished when _operations.Find(finished.Id) is { } operation:
                SettleOrphan(operation, finished);
                Forget(operation);
                CheckClosed();
                break;
            case ExecutorGone gone when _operations.Find(gone.Attempt) is { } operation:
                SettleOrphan(operation, null);
                Forget(operation);
                CheckClosed();
                break;
            case TimeIsUp:
                var late = _operations.All.Where(operation => _isCut || !operation.IsOrphan).ToList();
                _log.Warning("{Count} operations did not end in time; their executors are stopped", late.Count);
                foreach (var operation in late)
                {
                    Context.Stop(operation.Executor);
                    Forget(operation);
                }
                CheckClosed();
                break;
            case Shutdown when _operations.Orphans > 0:
                _orders.Ending = new StandingOrders.Leave(_orders.Ending?.Drainer);
                LogCutOrphans();
                Leave(completed: false);
                break;
            case Shutdown:
                _orders.Ending = new StandingOrders.Leave(_orders.Ending?.Drainer);
                break;
            case Drain or Pause or Resume:
                OnAskedWhileLeaving(message);
                break;
            default:
                OnLate(message);
                break;
        }
    }

    private void CheckClosed()
    {
        // Orphans hold nobody up but a worker that leaves for good.
        if (_operations.Count - (_orders.Ending is null ? _operations.Orphans : 0) > 0)
            return;
        Timers.Cancel(TimerKeys.Close);
        if (_orders.Ending is not null)
        {
            Leave(completed: !_orders.LostWork);
            return;
        }
        if (_orders.Pause is { } pause)
        {
            StayPaused(pause);
            return;
        }
        var delay = _reconnect.Next();
        _log.Info("connecting again in {Seconds:0.0} s", delay.TotalSeconds);
        BackOff(delay, "the stream was lost");
    }

    /// <summary>The scheduler's id for this worker has ended with its stream.</summary>
    private void ForgetWorker()
    {
        if (_worker != default)
            WorkerMetrics.ChangeConnected(-1);
        _worker = default;
    }
}
