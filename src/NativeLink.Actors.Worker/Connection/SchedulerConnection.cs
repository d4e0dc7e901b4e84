using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Akka.Actor;
using Akka.Event;
using NativeLink.Actors.Worker.Supervision;
using NativeLink.Actors.Worker.Telemetry;
using static NativeLink.Actors.Worker.Connection.ConnectionProtocol;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;
using static NativeLink.Actors.Worker.Connection.StreamProtocol;
using static NativeLink.Actors.Worker.Operations.ExecutorProtocol;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>
/// One worker as its scheduler sees it: owns the identity, the operations (one executor child an
/// attempt), drain and reconnection; a child of its own is the stream of the moment. Child of the
/// pool, to which it says Registered and Drained. What belongs to an earlier stream is known by its
/// sender, so that nothing of an old one is ever reported on a new one: the scheduler would evict
/// the worker.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "An actor ends with PostStop, which ends what it owns.")]
internal sealed partial class SchedulerConnection : UntypedActor, IWithTimers
{
    private readonly ConnectionSettings _settings;
    private readonly StandingOrders _orders;
    private readonly StreamSettings _streams;
    private readonly GrowingDelay _reconnect;
    private readonly GrowingDelay _backPressure;
    private readonly ILoggingAdapter _log;
    private readonly OperationTable _operations;
    private IActorRef _stream = ActorRefs.Nobody;
    private WorkerId _worker;
    private WorkerPhase _phase = WorkerPhase.Ended;
    private bool _isCut;
    private int _streamCount;
    private int _resultsTold;

    /// <summary>Use <see cref="CreateProps"/>; Akka itself calls this.</summary>
    public SchedulerConnection(ConnectionSettings settings, StandingOrders orders)
    {
        (_settings, _orders) = (settings, orders);
        var properties = new PlatformProperties(settings.Options, settings.Actions, settings.Launcher,
            settings.ScratchDirectory, TimeSpan.FromSeconds(30));
        _streams = new StreamSettings(settings.Options, settings.Link, properties, settings.CloseTimeout);
        _reconnect = ConnectionDelays.Reconnect(settings.Random);
        _backPressure = ConnectionDelays.BackPressure(settings.Random);
        _overflow = ConnectionDelays.Overflow(settings.Random);
        _probeDelay = ConnectionDelays.Probe(settings.Random);
        _breaker = settings.Breaker is { } breaker ? new CircuitBreaker(breaker.Failures, breaker.Window) : null;
        _operations = new OperationTable(Slots);
        _log = Context.GetLogger().WithContext("Scheduler", Options.SchedulerEndpoint.Address);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>Whether it takes nothing new, and leaves when what runs has ended.</summary>
    private bool IsLeaving => _orders.Ending is not null || _orders.Pause is not null;

    private ConnectionOptions Options => _settings.Options;

    private int Slots => Options.MaxInflightTasks > 0 ? Options.MaxInflightTasks : _settings.Slots;

    public static Props CreateProps(ConnectionSettings settings)
    {
        var orders = new StandingOrders();
        return Props.Create(() => new SchedulerConnection(settings, orders));
    }

    /// <summary>
    /// An executor's half-done work cannot be rebuilt: it stops, and its operation is answered from
    /// here. So does a stream: another one is opened.
    /// </summary>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);

    protected override void PreStart()
    {
        // After a failure nothing of what ran is left.
        if (_orders.Ending is not null)
            Leave(completed: !_orders.LostWork);
        else if (_orders.Pause is { } pause)
            StayPaused(pause);
        else
            Connect();
    }

    protected override void PreRestart(Exception reason, object message)
    {
        // The stream's operations are lost with this incarnation; executors stop as children, and
        // the scheduler takes the end of the stream for it.
        _log.Error(reason, "connection failed on {Message}; it starts anew", message?.GetType().Name ?? "no message");
        // What it was told when it failed holds as well.
        switch (message)
        {
            case Drain:
                _orders.Ending = new StandingOrders.Leave(Sender);
                break;
            case Shutdown:
                _orders.Ending = new StandingOrders.Leave(_orders.Ending?.Drainer);
                break;
            case Pause asked:
                _orders.Pause = new StandingOrders.Rest(asked.Reason, false);
                break;
            case Resume:
                _orders.Pause = null;
                break;
        }
        _orders.LostWork |= _operations.Count > 0;
        Context.StopChildren();
        base.PreRestart(reason, message);
    }

    protected override void PostStop()
    {
        // The executors stop with this actor; what was counted for them goes here.
        foreach (var operation in _operations.All.ToList())
            Forget(operation);
        ForgetOrphans();
        ForgetPreparing();
        ForgetTooMany();
        ForgetWorker();
        EnterPhase(WorkerPhase.Ended);
    }

    protected override void OnReceive(object message) => Opening(message);

    // --- opening: from the first try to the worker's id ---

    private void Connect()
    {
        (_orders.LostWork, _resultsTold) = (false, 0);
        // A name of its own: the one before it may still be stopping.
        var name = string.Create(CultureInfo.InvariantCulture, $"stream-{++_streamCount}");
        _stream = Context.ActorOf(SchedulerStream.CreateProps(_streams), name);
        Context.WatchWith(_stream, new StreamGone(_stream));
        EnterPhase(WorkerPhase.Connecting);
        Become(Opening);
    }

    private void Opening(object message)
    {
        switch (message)
        {
            case StreamRegistered registered when IsOfStream:
                OnRegistered(registered);
                break;
            case StreamLost lost when IsOfStream:
                OnNotConnected(lost.Fault);
                break;
            case StreamGone gone when gone.Stream.Equals(_stream):
                OnNotConnected(StreamFailed);
                break;
            case Drain:
                _orders.Ending = new StandingOrders.Leave(Sender);
                LeaveUnheard();
                break;
            case Pause pause:
                _orders.Pause = new StandingOrders.Rest(pause.Reason, false);
                LeaveUnheard();
                break;
            default:
                OnWithoutWork(message);
                break;
        }
    }

    /// <summary>
    /// The scheduler may have registered it already, and assign work: what it hears from the stream's end on is that
    /// the worker is gone.
    /// </summary>
    private void LeaveUnheard()
    {
        _stream.Tell(new Close());
        Become(Leaving);
    }

    private void OnRegistered(StreamRegistered registered)
    {
        _worker = registered.Worker;
        _reconnect.Reset();
        WorkerMetrics.RecordConnect(registered: true);
        WorkerMetrics.ChangeConnected(1);
        _log.Info("registered as {WorkerId} with {Scheduler}: properties [{Properties}], {Slots} actions at once",
            _worker, Options.SchedulerEndpoint.Address, registered.Announced, Slots);
        Context.Parent.Tell(new Registered(_worker));
        EnterPhase(WorkerPhase.Serving);
        Become(Serving);
    }

    private void OnNotConnected(Fault fault)
    {
        _stream = ActorRefs.Nobody;
        WorkerMetrics.RecordConnect(registered: false);
        var delay = _reconnect.Next();
        _log.Warning("not registered with {Scheduler}: {Reason}; next attempt in {Seconds:0.0} s",
            Options.SchedulerEndpoint.Address, fault.Detail, delay.TotalSeconds);
        BackOff(delay, fault.Detail);
    }

    private void BackOff(TimeSpan delay, string reason)
    {
        EnterPhase(WorkerPhase.Connecting, reason);
        Timers.StartSingleTimer(TimerKeys.Reconnect, ConnectNow.Instance, delay);
        Become(BackingOff);
    }

    private void BackingOff(object message)
    {
        switch (message)
        {
            case ConnectNow:
                Connect();
                break;
            case Pause pause:
                Timers.Cancel(TimerKeys.Reconnect);
                StayPaused(new StandingOrders.Rest(pause.Reason, false));
                break;
            default:
                OnWithoutWork(message);
                break;
        }
    }

    /// <summary>While nothing can run here, there is nothing to finish either.</summary>
    private void OnWithoutWork(object message)
    {
        switch (message)
        {
            case Drain:
                _orders.Ending = new StandingOrders.Leave(Sender);
                Timers.Cancel(TimerKeys.Reconnect);
                EndProbe();
                LeaveAfterOrphans(completed: true);
                break;
            case Shutdown:
                _orders.Ending = new StandingOrders.Leave(_orders.Ending?.Drainer);
                LogCutOrphans();
                Leave(completed: _operations.Count == 0);
                break;
            case Resume:
                // Nothing is paused.
                break;
            default:
                OnLate(message);
                break;
        }
    }

    /// <summary>
    /// What an earlier stream or an attempt that has been
    /// answered still says; anything else nobody expects.
    /// </summary>
    private void OnLate(object message)
    {
        if (OnOrphans(message))
            return;
        var isOfEarlierStream = message is SchedulerMessage or StreamRegistered or StreamLost or StreamClosed
            && !IsOfStream;
        if (!isOfEarlierStream && message is not (StreamGone or Finished or ProcessEnded or ExecutorGone or AnswerNow
            or BreakerOpened or ProbeReady or ProbeFailed or AdoptedProcessEnded))
            Unhandled(message);
    }

    private bool IsOfStream => Sender.Equals(_stream);

    private static Fault StreamFailed => new(FaultKind.Worker, "the stream failed unexpectedly; see the worker's log");

    private void EnterPhase(WorkerPhase phase, string reason = "")
    {
        // One that has ended, or has not begun, is none.
        if (_phase != WorkerPhase.Ended)
            WorkerMetrics.ChangeWorkers(_phase.Label(), -1);
        if (phase != WorkerPhase.Ended)
            WorkerMetrics.ChangeWorkers(phase.Label(), 1);
        _phase = phase;
        Context.Parent.Tell(new PhaseChanged(phase, _worker, reason));
    }

    private static class TimerKeys
    {
        public const string Probe = "probe";
        public const string Reconnect = "reconnect";
        public const string Close = "close";
        public const string Refuse = "refuse";
    }

    private sealed record StreamGone(IActorRef Stream);

    private sealed record ExecutorGone(AttemptId Attempt);

    private sealed record AnswerNow(AttemptId Attempt);

    private sealed record ConnectNow
    {
        public static readonly ConnectNow Instance = new();
    }

    private sealed record TimeIsUp
    {
        public static readonly TimeIsUp Instance = new();
    }

}
