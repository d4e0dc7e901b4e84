using Akka.Actor;
using Akka.Event;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Supervision;
using static NativeLink.Actors.Worker.Connection.ConnectionProtocol;
using static NativeLink.Actors.Worker.Operations.ExecutorProtocol;

namespace NativeLink.Actors.Worker.Connection;

/// <content>
/// A pause. The wire has no word for one, so the worker finishes what runs, says goodbye, and stays without a
/// scheduler: because somebody asked for it, until he says resume; or because action after action failed for reasons of
/// this machine, until a trial action has come to its end.
/// </content>
internal sealed partial class SchedulerConnection
{
    private const string ProbeName = "probe";

    // Longer than an action may load its two messages from a CAS that is slow, and has hardly anything to do otherwise.
    private static readonly TimeSpan ProbeBound = TimeSpan.FromMinutes(1);

    private readonly CircuitBreaker? _breaker;
    private readonly GrowingDelay _probeDelay;
    private CancellationTokenSource? _preparing;
    private IActorRef _probe = ActorRefs.Nobody;
    private AttemptId? _probeAttempt;

    private void StayPaused(StandingOrders.Rest pause)
    {
        _orders.Pause = pause;
        EnterPhase(WorkerPhase.Paused, pause.Reason);
        Become(Paused);
        if (!pause.IsOwn)
        {
            _log.Info("paused: {Reason}; without a scheduler until it is resumed", pause.Reason);
            return;
        }
        if (_settings.Probe is null)
            _log.Error("paused: {Reason}; without a scheduler until it is resumed", pause.Reason);
        else
            ProbeLater("paused: " + pause.Reason);
    }

    private void Paused(object message)
    {
        switch (message)
        {
            case Resume:
                _log.Info("resumed");
                Unpause();
                break;
            case Pause pause:
                EndProbe();
                StayPaused(new StandingOrders.Rest(pause.Reason, false));
                break;
            case ProbeNow:
                PrepareProbe();
                break;
            case ProbeReady ready when _preparing is not null:
                StartProbe(ready.Action);
                break;
            case ProbeFailed failed when _preparing is not null:
                OnProbeFailed(failed.Fault.Detail);
                break;
            case Finished finished when finished.Id == _probeAttempt:
                OnProbed(finished);
                break;
            case ExecutorGone gone when gone.Attempt == _probeAttempt:
                OnProbeFailed("the trial action's executor failed; see the log above");
                break;
            case TimeIsUp:
                OnProbeFailed($"the trial action has not ended within {MessageText.Seconds(ProbeBound)}");
                break;
            case ProcessEnded or ProbeReady or ProbeFailed:
                break;
            default:
                OnWithoutWork(message);
                break;
        }
    }

    private void Unpause()
    {
        EndProbe();
        _orders.Pause = null;
        _reconnect.Reset();
        Connect();
    }

    // --- failing and failing ---

    private void Judge(ResultKind kind, ExecuteResult result)
    {
        if (_breaker is null)
            return;
        // Nothing that this machine has shown.
        if (kind is ResultKind.Killed or ResultKind.PreconditionFailed or ResultKind.Refused
            or ResultKind.InputsMissing)
            return;
        if (!IsOfThisMachine(kind))
        {
            _breaker.Succeeded();
            return;
        }
        if (!_breaker.Failed(Context.System.Scheduler.Now) || IsLeaving)
            return;
        var options = _settings.Breaker!;
        // Heard after the answer that it comes from.
        Self.Tell(new BreakerOpened(
            $"{options.Failures} actions in a row have failed for reasons of this machine or its stores, " +
            $"the last one with: {result.InternalError?.Message ?? result.ExecuteResponse?.Status?.Message}"));
    }

    private void OnBreakerOpened(string reason)
    {
        _log.Error("{Reason}", reason);
        _orders.Pause = new StandingOrders.Rest(reason, true);
        BeginLeaving("to be paused");
    }

    private static bool IsOfThisMachine(ResultKind kind) => kind is ResultKind.Infrastructure or ResultKind.DiskFull;

    // --- until one does not ---

    private void ProbeLater(string why)
    {
        var delay = _probeDelay.Next();
        _log.Warning("{Why}; a trial action follows in {Seconds:0.0} s", why, delay.TotalSeconds);
        Timers.StartSingleTimer(TimerKeys.Probe, ProbeNow.Instance, delay);
    }

    private void PrepareProbe()
    {
        _preparing = new CancellationTokenSource();
        Timers.StartSingleTimer(TimerKeys.Probe, TimeIsUp.Instance, ProbeBound);
        _settings.Probe!(_preparing.Token).PipeTo(Self, success: action => new ProbeReady(action),
            failure: error => new ProbeFailed(Fault.From(error)));
    }

    private void StartProbe(Digest action)
    {
        ForgetPreparing();
        var operation = new OperationId(ProbeName);
        var attempt = AttemptId.Next(operation);
        _probeAttempt = attempt;
        _probe = Context.ActorOf(_settings.Executor(), ActorNames.Of(attempt));
        Context.WatchWith(_probe, new ExecutorGone(attempt));
        _probe.Tell(new Start(attempt, new ActionAssignment(
            operation, "", action, new Reapi.Platform(), Context.System.Scheduler.Now, new WorkerId(Options.Name))));
    }

    /// <summary>
    /// Whatever the trial came to, if it was not this
    /// machine that failed: then others come to an end too.
    /// </summary>
    private void OnProbed(Finished finished)
    {
        var result = finished.Result;
        if (IsOfThisMachine(finished.ResultKind) || finished.ResultKind == ResultKind.InputsMissing)
        {
            OnProbeFailed(result.InternalError?.Message ?? result.ExecuteResponse?.Status?.Message ?? "");
            return;
        }
        _log.Info("a trial action came to its end: resumed");
        _probeDelay.Reset();
        Unpause();
    }

    private void OnProbeFailed(string reason)
    {
        EndProbe();
        ProbeLater($"still paused: the trial action failed: {reason}");
    }

    private void EndProbe()
    {
        Timers.Cancel(TimerKeys.Probe);
        ForgetPreparing();
        _probeAttempt = null;
        if (!_probe.IsNobody())
            Context.Stop(_probe);
        _probe = ActorRefs.Nobody;
    }

    private void ForgetPreparing()
    {
        _preparing?.Cancel();
        _preparing?.Dispose();
        _preparing = null;
    }

    private sealed record BreakerOpened(string Reason);

    private sealed record ProbeReady(Digest Action);

    private sealed record ProbeFailed(Fault Fault);

    private sealed record ProbeNow
    {
        public static readonly ProbeNow Instance = new();
    }
}
