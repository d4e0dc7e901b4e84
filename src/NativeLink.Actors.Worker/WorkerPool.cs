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
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Dictionary<IActorRef, string> _connections = [];
    private readonly Dictionary<IActorRef, WorkerState> _states = [];
    private readonly Dictionary<IActorRef, (ExecutorOptions Actions, int Uploader)> _kinds = [];
    private readonly HashSet<IActorRef> _unregistered = [];
    private readonly HashSet<IActorRef> _undrained = [];
    private readonly Dictionary<string, string> _paused = [];
    private readonly List<IActorRef> _awaitingRegistered = [];
    private readonly List<IActorRef> _awaitingStopped = [];
    private readonly List<IActorRef> _drainers = [];
    private bool _allDrained = true;
    private bool _ending;
    private bool _shuttingDown;
    private Stopped? _stopped;

    /// <summary>Use <see cref="CreateProps"/>; Akka itself calls this.</summary>
    internal WorkerPool(WorkerPoolSettings settings) => _settings = settings;

    internal static Props CreateProps(WorkerPoolSettings settings) =>
        Props.CreateBy(new Maker<WorkerPool>(() => new WorkerPool(settings)));

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
    }

    /// <summary>
    /// Everything below starts anew, and what ran is lost; but who waits goes on waiting, and a
    /// drain stays one: also if the pool failed on what they asked.
    /// </summary>
    protected override void PreRestart(Exception reason, object message)
    {
        _log.Error(reason, "the pool failed on {Message}; its workers start anew",
            message?.GetType().Name ?? "nothing");
        (message switch
        {
            AwaitRegistered => _awaitingRegistered,
            AwaitStopped => _awaitingStopped,
            DrainAll => _drainers,
            _ => [],
        }).Add(Sender);
        foreach (var (name, why) in _paused)
            Self.Tell(new PauseWorkers(name, why));
        if (message is PauseWorkers or ResumeWorkers or DescribeWorkers)
            Self.Tell(message, Sender);
        Self.Tell(new Restarted(_awaitingRegistered, _awaitingStopped, _drainers, _ending || message is DrainAll,
            _shuttingDown || message is ShutdownAll, _allDrained && _ending && _undrained.Count == 0, _stopped));
        Context.StopChildren();
        base.PreRestart(reason, message!);
    }

    /// <inheritdoc/>
    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Restarted restarted:
                OnRestarted(restarted);
                break;
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
                foreach (var name in _connections.Values.Where(name => pause.Name is null || pause.Name == name))
                    _paused[name] = pause.Reason;
                TellWorkers(pause.Name, new Pause(pause.Reason));
                break;
            case ResumeWorkers resume:
                foreach (var name in _paused.Keys.Where(name => resume.Name is null || resume.Name == name).ToList())
                    _paused.Remove(name);
                TellWorkers(resume.Name, new Resume());
                break;
            case AwaitRegistered:
                _awaitingRegistered.Add(Sender);
                TellRegistered();
                break;
            case AwaitStopped:
                _awaitingStopped.Add(Sender);
                TellStopped();
                break;
            case DrainAll:
                OnDrainAll();
                break;
            case ShutdownAll:
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
        _awaitingRegistered.ForEach(waiting => waiting.Tell(new AllRegistered()));
        _awaitingRegistered.Clear();
    }

    private void OnRestarted(Restarted before)
    {
        _awaitingRegistered.AddRange(before.AwaitingRegistered);
        _awaitingStopped.AddRange(before.AwaitingStopped);
        _drainers.AddRange(before.Drainers);
        _stopped ??= before.Stopped;
        if (before.Ending)
            BeginDrain(before.AllDrained);
        if (before.ShuttingDown)
            OnShutdownAll();
        TellRegistered();
        TellStopped();
    }

    private void OnDrainAll()
    {
        _drainers.Add(Sender);
        BeginDrain(_allDrained);
    }

    private void BeginDrain(bool allDrained)
    {
        (_ending, _allDrained) = (true, allDrained);
        _undrained.UnionWith(_connections.Keys);
        foreach (var connection in _connections.Keys)
            connection.Tell(new Drain());
        TellDrained();
    }

    private void OnDrained(Drained drained)
    {
        _allDrained &= drained.Completed;
        _undrained.Remove(Sender);
        TellDrained();
    }

    private void TellDrained()
    {
        if (_undrained.Count > 0)
            return;
        _drainers.ForEach(drainer => drainer.Tell(new AllDrained(_allDrained)));
        _drainers.Clear();
    }

    private void OnShutdownAll()
    {
        (_ending, _shuttingDown) = (true, true);
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
            _allDrained = false;
            TellDrained();
        }
        if (!_ending)
            _log.Error(
                "worker {Name} is ended: its connection failed more than {Count} times in a minute; see the log above",
                name, MaxRestarts);
        if (_connections.Count > 0)
            return;
        End(_ending
            ? null
            : new Fault(FaultKind.Worker, "every worker of this host has failed too often; see the log"));
        if (_shuttingDown)
            Context.Stop(Self);
    }

    private void OnServiceGone(string name)
    {
        if (_ending)
            return;
        _log.Error("the {Name} failed more than {Count} times in a minute; nothing can run without it", name,
            MaxRestarts);
        End(new Fault(FaultKind.Worker, $"the {name} failed more than {MaxRestarts} times in a minute; see the log"));
    }

    private void End(Fault? fault)
    {
        _stopped ??= new Stopped(fault);
        TellStopped();
    }

    private void TellStopped()
    {
        if (_stopped is null)
            return;
        _awaitingStopped.ForEach(waiting => waiting.Tell(_stopped));
        _awaitingStopped.Clear();
    }

    /// <summary>To the incarnation after a failure: what the one before it had been asked for still holds.</summary>
    private sealed record Restarted(
        IReadOnlyList<IActorRef> AwaitingRegistered, IReadOnlyList<IActorRef> AwaitingStopped,
        IReadOnlyList<IActorRef> Drainers, bool Ending, bool ShuttingDown, bool AllDrained, Stopped? Stopped);

    private sealed record ConnectionGone(IActorRef Connection);

    private sealed record ServiceGone(string Name);
}
