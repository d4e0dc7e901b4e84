using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using Akka.Event;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Telemetry;
using static NativeLink.Actors.Worker.Connection.ConnectionProtocol;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>
/// One worker as its scheduler sees it: owns the stream, the identity, the operations of the stream (one executor child each), drain and reconnect.
/// Child of the pool, to which it says Registered and Drained. Everything that belongs to a stream carries that stream's epoch, so that nothing
/// of an old one is ever reported on a new one: the scheduler would evict the worker.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "An actor ends with PostStop, which ends what it owns.")]
public sealed partial class SchedulerConnection : UntypedActor, IWithTimers, IWithUnboundedStash
{
    // One count for all connections and all their incarnations: what an earlier one still has under way is never taken for the present one's.
    private static long _epochs;

    private readonly ConnectionSettings _settings;
    private readonly PlatformProperties _properties;
    private readonly ReconnectDelay _reconnect;
    private readonly ReconnectDelay _backPressure;
    private readonly ILoggingAdapter _log;
    private OperationTable _operations;
    private CancellationTokenSource? _connecting;
    private ISchedulerSession? _session;
    private IActorRef? _keepAlive;
    private IActorRef? _drainer;
    private WorkerId _worker;
    private string _announced = "";
    private long _epoch;
    private bool _registered;
    private bool _stopping;
    private bool _lost;

    /// <summary>Use <see cref="CreateProps"/>; Akka itself calls this.</summary>
    public SchedulerConnection(ConnectionSettings settings)
    {
        _settings = settings;
        _properties = new PlatformProperties(settings.Options, settings.Launcher, settings.ScratchDirectory, TimeSpan.FromSeconds(30));
        _reconnect = new ReconnectDelay(TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(8), settings.Random);
        _backPressure = new ReconnectDelay(TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(5), settings.Random);
        _operations = NewTable();
        _log = Context.GetLogger().WithContext("Scheduler", Options.SchedulerEndpoint.Address);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public IStash Stash { get; set; } = null!;

    private WorkerOptions Options => _settings.Options;

    public static Props CreateProps(ConnectionSettings settings) => Props.Create(() => new SchedulerConnection(settings));

    /// <summary>An executor's half-done work cannot be rebuilt: it stops, and its operation is answered from here. So does a keep-alive: its stream ends.</summary>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);

    protected override void PreStart() => Connect();

    protected override void PreRestart(Exception reason, object message)
    {
        // The stream's operations are lost with this incarnation; executors stop as children, and the scheduler takes the end of the stream for it.
        _log.Error(reason, "connection failed on {Message}; it starts anew", message?.GetType().Name ?? "no message");
        if (_stopping || _drainer is not null)
            Self.Tell(new RestartedInDrain(_drainer, !_lost && _operations.Count == 0));
        base.PreRestart(reason, message);
    }

    protected override void PostStop()
    {
        _connecting?.Cancel();
        // The executors stop with this actor; what was counted for them goes here.
        foreach (var operation in _operations.All.ToList())
            Forget(operation);
        ForgetStream();
    }

    protected override void OnReceive(object message) => Connecting(message);

    // --- connecting: properties, then the stream ---

    private void Connect()
    {
        _epoch = Interlocked.Increment(ref _epochs);
        _lost = false;
        _operations = NewTable();
        _connecting?.Dispose();
        _connecting = new CancellationTokenSource();
        Become(Connecting);
        var epoch = _epoch;
        _properties.ResolveAsync(text => _log.Warning("{Text}", text), _connecting.Token).PipeTo(Self,
            success: properties => new PropertiesKnown(epoch, properties),
            failure: error => new NotConnected(epoch, Fault.From(error)));
    }

    private void Connecting(object message)
    {
        switch (message)
        {
            case PropertiesKnown known when known.Epoch == _epoch:
                OpenStream(known.Properties);
                break;
            case Opened opened when opened.Epoch == _epoch:
                OnOpened(opened.Session);
                break;
            case NotConnected failed when failed.Epoch == _epoch:
                OnNotConnected(failed.Fault);
                break;
            case TimeIsUp late when late.Epoch == _epoch:
                _connecting?.Cancel();
                break;
            case Update update when update.Epoch == _epoch:
            case StreamEnded ended when ended.Epoch == _epoch:
                // The link may speak before it has said that it is open.
                Stash.Stash();
                break;
            default:
                OnOutsideOfSession(message);
                break;
        }
    }

    private void OpenStream(IReadOnlyList<Reapi.Platform.Types.Property> properties)
    {
        var hello = new Wire.ConnectWorkerRequest { WorkerIdPrefix = Options.Name, MaxInflightTasks = (ulong)Math.Max(0, Options.MaxInflightTasks) };
        hello.Properties.AddRange(properties);
        _announced = string.Join(", ", properties.Select(property => $"{property.Name}={property.Value}"));
        var (self, epoch) = (Self, _epoch);
        Timers.StartSingleTimer(TimerKeys.Stream, new TimeIsUp(epoch), Options.EndpointTimeout);
        _settings.Link.ConnectAsync(hello, update => self.Tell(new Update(epoch, update)), fault => self.Tell(new StreamEnded(epoch, fault)), _connecting!.Token)
            .PipeTo(Self,
                success: session => new Opened(epoch, session),
                failure: error => new NotConnected(epoch, Fault.From(error)));
    }

    private void OnOpened(ISchedulerSession session)
    {
        _session = session;
        _keepAlive = Context.WatchWith(
            Context.ActorOf(KeepAlive.CreateProps(session, Options.EndpointTimeout / 2, _epoch)),
            new KeepAlive.Silent(_epoch, new Fault(FaultKind.Worker, "the keep-alive died")));
        Timers.StartSingleTimer(TimerKeys.Stream, new TimeIsUp(_epoch), Options.EndpointTimeout);
        Become(Greeting);
        Stash.UnstashAll();
    }

    private void OnNotConnected(Fault fault)
    {
        Timers.Cancel(TimerKeys.Stream);
        WorkerMetrics.RecordConnect(registered: false);
        if (_stopping || _drainer is not null)
        {
            Leave(completed: true);
            return;
        }
        var delay = _reconnect.Next();
        _log.Warning("not registered with {Scheduler}: {Reason}; next attempt in {Seconds:0.0} s",
            Options.SchedulerEndpoint.Address, fault.Detail, delay.TotalSeconds);
        Timers.StartSingleTimer(TimerKeys.Stream, new TimeIsUp(_epoch), delay);
        Stash.ClearStash();
        Become(BackingOff);
    }

    private void BackingOff(object message)
    {
        if (message is TimeIsUp up && up.Epoch == _epoch)
            Connect();
        else
            OnOutsideOfSession(message);
    }

    private void OnOutsideOfSession(object message)
    {
        switch (message)
        {
            case Drain or Shutdown:
                _drainer = message is Drain ? Sender : _drainer;
                _connecting?.Cancel();
                Leave(completed: true);
                break;
            case RestartedInDrain restarted:
                _drainer = restarted.Drainer;
                _connecting?.Cancel();
                Leave(restarted.Completed);
                break;
            case Opened late:
                // Of an attempt that was given up: nobody will use it.
                Discard(late.Session);
                break;
            default:
                // Left over from an earlier stream.
                break;
        }
    }

    // --- greeting: the first reply has to be the worker's id ---

    private void Greeting(object message)
    {
        switch (message)
        {
            case Update update when update.Epoch == _epoch:
                if (update.Message.ConnectionResult is { } greeting)
                    OnRegistered(new WorkerId(greeting.WorkerId));
                else
                    Lose(new Fault(FaultKind.Worker, $"the scheduler's first reply was '{update.Message.UpdateCase}', not a connection_result"));
                break;
            case TimeIsUp late when late.Epoch == _epoch:
                Lose(new Fault(FaultKind.Worker, $"the scheduler sent no connection_result within {Options.EndpointTimeout.TotalSeconds:0.#} s"));
                break;
            default:
                OnAnySession(message);
                break;
        }
    }

    private void OnRegistered(WorkerId worker)
    {
        Timers.Cancel(TimerKeys.Stream);
        (_worker, _registered) = (worker, true);
        _reconnect.Reset();
        WorkerMetrics.RecordConnect(registered: true);
        WorkerMetrics.ChangeConnected(1);
        _log.Info("registered as {WorkerId} with {Scheduler}: properties [{Properties}], {Slots} actions at once",
            worker, Options.SchedulerEndpoint.Address, _announced, Options.MaxInflightTasks > 0 ? Options.MaxInflightTasks : _settings.Slots);
        Context.Parent.Tell(new Registered(worker));
        Become(Serving);
        if (_drainer is not null)
            CheckDrained();
    }

    private OperationTable NewTable() => new(Options.MaxInflightTasks > 0 ? Options.MaxInflightTasks : _settings.Slots);

    private static class TimerKeys
    {
        public const string Stream = "stream";
        public const string Close = "close";
    }

    private sealed record PropertiesKnown(long Epoch, IReadOnlyList<Reapi.Platform.Types.Property> Properties);

    private sealed record Opened(long Epoch, ISchedulerSession Session);

    private sealed record NotConnected(long Epoch, Fault Fault);

    private sealed record Update(long Epoch, Wire.UpdateForWorker Message);

    private sealed record StreamEnded(long Epoch, Fault? Fault);

    private sealed record TimeIsUp(long Epoch);

    private sealed record ExecutorGone(AttemptId Attempt);

    private sealed record AnswerNow(AttemptId Attempt);

    /// <summary>To the incarnation after a failure: what the one before it had been asked for still holds.</summary>
    private sealed record RestartedInDrain(IActorRef? Drainer, bool Completed);

    private sealed record NotSent(long Epoch, Fault Fault);

    private sealed record SaidGoodbye(long Epoch, Fault? Fault);
}
