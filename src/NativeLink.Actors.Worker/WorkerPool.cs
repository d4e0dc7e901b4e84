using Akka.Actor;
using Akka.Event;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Supervision;
using NativeLink.Actors.Worker.Transfers;
using static NativeLink.Actors.Worker.Connection.ConnectionProtocol;
using static NativeLink.Actors.Worker.PoolProtocol;

namespace NativeLink.Actors.Worker;

/// <summary>
/// The workers of a host and the services they share. Supervises one SchedulerConnection a worker,
/// and the downloader, the runner and the uploaders: who fails is restarted; who fails too often in
/// a minute is ended, a worker alone, a service with the whole pool.
/// </summary>
public sealed class WorkerPool : UntypedActor
{
    private const int MaxRestarts = 10;

    private readonly WorkerPoolSettings _settings;
    private readonly PoolOrders _orders;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Dictionary<IActorRef, string> _connections = [];
    private readonly Dictionary<IActorRef, WorkerState> _states = [];
    private readonly Dictionary<IActorRef, (ExecutorOptions Actions, int Uploader)> _kinds = [];
    private readonly HashSet<IActorRef> _unregistered = [];
    private readonly HashSet<IActorRef> _undrained = [];

    /// <summary>Use <see cref="CreateProps"/>; Akka itself calls this.</summary>
    internal WorkerPool(WorkerPoolSettings settings, PoolOrders orders) => (_settings, _orders) = (settings, orders);

    internal static Props CreateProps(WorkerPoolSettings settings)
    {
        var orders = new PoolOrders();
        return Props.CreateBy(new Maker<WorkerPool>(() => new WorkerPool(settings, orders)));
    }

    /// <inheritdoc/>
    protected override SupervisorStrategy SupervisorStrategy() =>
        new OneForOneStrategy(MaxRestarts, TimeSpan.FromMinutes(1), _ => Directive.Restart);

    /// <inheritdoc/>
    protected override void PreStart()
    {
        var downloader = Service(_settings.Downloader, "downloader");
        var runner = Service(_settings.Runner, "runner");
        var uploaders = _settings.Uploaders.Select((props, index) => Service(props, $"uploader-{index}")).ToList();
        foreach (var (worker, index) in _settings.Workers.Select((worker, index) => (worker, index)))
        {
            var settings = worker.Connect(new ExecutorPeers(downloader, runner, uploaders[worker.Uploader]));
            var connection = Context.ActorOf(SchedulerConnection.CreateProps(settings), $"worker-{index}");
            Context.WatchWith(connection, new ConnectionGone(connection));
            _connections.Add(connection, worker.Name);
            _kinds.Add(connection, (settings.Actions, worker.Uploader));
            _states.Add(connection, new WorkerState(worker.Name, settings.Options.SchedulerEndpoint.Address,
                WorkerPhase.Connecting, default, "", Now));
            _unregistered.Add(connection);
        }
        foreach (var (name, reason) in _orders.Paused)
            TellWorkers(name, new Pause(reason));
        if (_orders.Ending)
            BeginDrain();
        if (_orders.ShuttingDown)
            OnShutdownAll();
        TellRegistered();
        TellStopped();
    }

    /// <summary>
    /// Everything below starts anew, and what ran is lost; but who waits goes on waiting, and a
    /// drain stays one: also if the pool failed on what they asked.
    /// </summary>
    protected override void PreRestart(Exception reason, object message)
    {
        _log.Error(reason, "the pool failed on {Message}; its workers start anew",
            message?.GetType().Name ?? "nothing");
        var isDrained = _orders.Ending && _undrained.Count == 0;
        Note(message);
        // What was to be finished has been cut.
        _orders.AllDrained &= !_orders.Ending || isDrained;
        Context.StopChildren();
        base.PreRestart(reason, message!);
    }

    /// <inheritdoc/>
    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Registered:
                OnRegistered();
                break;
            case Drained drained:
                OnDrained(drained);
                break;
            case ConnectionGone gone:
                OnConnectionGone(gone.Connection);
                break;
            case ServiceGone gone:
                OnServiceGone(gone.Name);
                break;
            case OrphanBegan began:
                TellKin(Sender, new OrphanOfSibling(began.Action, Sender));
                break;
            case OrphanGone gone:
                TellKin(Sender, new OrphanOfSiblingGone(gone.Action, Sender));
                break;
            case PhaseChanged changed:
                OnPhaseChanged(changed);
                break;
            case DescribeWorkers:
                Sender.Tell(new WorkerStates([.. _states.Values]));
                break;
            case PauseWorkers pause:
                Note(message);
                TellWorkers(pause.Name, new Pause(pause.Reason));
                break;
            case ResumeWorkers resume:
                Note(message);
                TellWorkers(resume.Name, new Resume());
                break;
            case AwaitRegistered:
                Note(message);
                TellRegistered();
                break;
            case AwaitStopped:
                Note(message);
                TellStopped();
                break;
            case DrainAll:
                Note(message);
                BeginDrain();
                break;
            case ShutdownAll:
                Note(message);
                OnShutdownAll();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private static IActorRef Service(Props props, string name) =>
        Context.WatchWith(Context.ActorOf(props, name), new ServiceGone(name));

    private static DateTimeOffset Now => Context.System.Scheduler.Now;

    private void TellWorkers(string? name, object message)
    {
        foreach (var (connection, its) in _connections)
            if (name is null || name == its)
                connection.Tell(message);
    }

    /// <summary>To the other workers that would do the same with the same action.</summary>
    private void TellKin(IActorRef connection, object message)
    {
        // It may be one of before a restart.
        if (!_kinds.TryGetValue(connection, out var kind))
            return;
        foreach (var other in _connections.Keys)
            if (!other.Equals(connection) && _kinds[other] == kind)
                other.Tell(message);
    }

    private void OnPhaseChanged(PhaseChanged changed)
    {
        if (!_states.TryGetValue(Sender, out var known))
            return;
        _states[Sender] = known with
        {
            Phase = changed.Phase,
            Id = changed.Worker,
            Reason = changed.Reason,
            Since = changed.Phase == known.Phase ? known.Since : Now,
        };
    }

    private void OnRegistered()
    {
        _unregistered.Remove(Sender);
        TellRegistered();
    }

    private void TellRegistered()
    {
        if (_unregistered.Count > 0)
            return;
        foreach (var waiting in _orders.AwaitingRegistered)
            waiting.Tell(new AllRegistered());
        _orders.AwaitingRegistered.Clear();
    }

    /// <summary>What holds from now on, also for the incarnation after a failure.</summary>
    private void Note(object? message)
    {
        switch (message)
        {
            case PauseWorkers pause:
                foreach (var name in NamesOf(pause.Name))
                    _orders.Paused[name] = pause.Reason;
                break;
            case ResumeWorkers resume:
                foreach (var name in NamesOf(resume.Name))
                    _orders.Paused.Remove(name);
                break;
            case AwaitRegistered:
                _orders.AwaitingRegistered.Add(Sender);
                break;
            case AwaitStopped:
                _orders.AwaitingStopped.Add(Sender);
                break;
            case DrainAll:
                _orders.Drainers.Add(Sender);
                _orders.Ending = true;
                break;
            case ShutdownAll:
                (_orders.Ending, _orders.ShuttingDown) = (true, true);
                break;
        }
    }

    private IEnumerable<string> NamesOf(string? name) =>
        name is null ? _settings.Workers.Select(static worker => worker.Name) : [name];

    private void BeginDrain()
    {
        _undrained.UnionWith(_connections.Keys);
        foreach (var connection in _connections.Keys)
            connection.Tell(new Drain());
        TellDrained();
    }

    private void OnDrained(Drained drained)
    {
        _orders.AllDrained &= drained.Completed;
        _undrained.Remove(Sender);
        TellDrained();
    }

    private void TellDrained()
    {
        if (_undrained.Count > 0)
            return;
        foreach (var drainer in _orders.Drainers)
            drainer.Tell(new AllDrained(_orders.AllDrained));
        _orders.Drainers.Clear();
    }

    private void OnShutdownAll()
    {
        foreach (var connection in _connections.Keys)
            connection.Tell(new Shutdown());
        if (_connections.Count == 0)
            Context.Stop(Self);
    }

    private void OnConnectionGone(IActorRef connection)
    {
        // It may be one of before a restart.
        if (!_connections.Remove(connection, out var name))
            return;
        _unregistered.Remove(connection);
        if (_undrained.Remove(connection))
        {
            _orders.AllDrained = false;
            TellDrained();
        }
        if (!_orders.Ending)
            _log.Error(
                "worker {Name} is ended: its connection failed more than {Count} times in a minute; see the log above",
                name, MaxRestarts);
        if (_connections.Count > 0)
            return;
        End(_orders.Ending
            ? null
            : new Fault(FaultKind.Worker, "every worker of this host has failed too often; see the log"));
        if (_orders.ShuttingDown)
            Context.Stop(Self);
    }

    private void OnServiceGone(string name)
    {
        if (_orders.Ending)
            return;
        _log.Error("the {Name} failed more than {Count} times in a minute; nothing can run without it", name,
            MaxRestarts);
        End(new Fault(FaultKind.Worker, $"the {name} failed more than {MaxRestarts} times in a minute; see the log"));
    }

    private void End(Fault? fault)
    {
        _orders.Stopped ??= new Stopped(fault);
        TellStopped();
    }

    private void TellStopped()
    {
        if (_orders.Stopped is null)
            return;
        foreach (var waiting in _orders.AwaitingStopped)
            waiting.Tell(_orders.Stopped);
        _orders.AwaitingStopped.Clear();
    }

    private sealed record ConnectionGone(IActorRef Connection);

    private sealed record ServiceGone(string Name);
}
