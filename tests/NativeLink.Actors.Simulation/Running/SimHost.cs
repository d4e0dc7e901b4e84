using Akka.Actor;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Connection.WorkerApi;
using NativeLink.Actors.Worker.Inputs;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Outputs;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Simulation.Running;

/// <summary>A machine: a pool of the real actors among simulated ports, with a disk and a store of its own.</summary>
internal sealed class SimHost
{
    /// <summary>How many operations wait at a worker at most.</summary>
    public const int MostWaiting = 4;

    private const long StoreBytes = 600 << 10;
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(10);

    // A supervisor gives up at the eleventh failure in a minute, and Akka's minute is a real one, in which hours of a
    // simulation go by.
    private const int MostFailures = 9;

    private static readonly TimeSpan DrainBound = TimeSpan.FromMinutes(15);

    // What lingers has ended by then.
    private static readonly TimeSpan Aftermath = TimeSpan.FromMinutes(3);

    private readonly SimWorld _world;
    private readonly Planted _planted;
    private readonly Dictionary<string, int> _failures = [];
    private ActorSystem _system = null!;
    private Action _start = static () => { };
    private int _pools;

    /// <param name="world">The run's.</param>
    /// <param name="name">No two hosts have the same.</param>
    /// <param name="slots">One entry a worker: how many operations it runs at once.</param>
    /// <param name="planted">What is wrong on purpose.</param>
    public SimHost(SimWorld world, string name, IReadOnlyList<int> slots, Planted planted)
    {
        (_world, Name, WorkerSlots, _planted) = (world, name, slots, planted);
        Disk = new SimDisk(world.Random);
        Store = new SimStore(world, Disk, StoreBytes, () => Errs(Planted.LeakedLease));
        Launcher = new SimLauncher(world, this);
    }

    public string Name { get; }

    public SimDisk Disk { get; }

    public SimStore Store { get; }

    public SimLauncher Launcher { get; }

    public IActorRef Pool { get; private set; } = ActorRefs.Nobody;

    /// <summary>Whether its pool has been told to drain.</summary>
    public bool IsDraining { get; private set; }

    /// <summary>Asked before each action; null: nothing is.</summary>
    public string? PreconditionScript { get; init; }

    /// <summary>What was sent last on any of its streams.</summary>
    public Dictionary<string, ExecuteResult> LastSent { get; } = [];

    public IReadOnlyList<int> WorkerSlots { get; }

    /// <summary>Of all its workers.</summary>
    public int Slots => WorkerSlots.Sum();

    /// <summary>Of one of its workers.</summary>
    public int SlotsOf(string worker) => worker.Length == 0 ? Slots : WorkerSlots[worker[^1] - 'a'];

    /// <summary>Whether what is planted shows now.</summary>
    public bool Errs(Planted kind) => _planted == kind
        && (kind == Planted.KillHeardBySibling || _world.Chance(0.1));

    /// <summary>The worker that an attempt is of, by the name of its executor.</summary>
    public string WorkerOf(AttemptId attempt)
    {
        const string Prefix = "worker-";
        var name = ActorNames.Of(attempt);
        var executor = _world.Actors.Of(Pool.Path.Name).LastOrDefault(actor => actor.Path.Name == name);
        return executor is null ? "" : WorkerName(executor.Path.Parent.Name[Prefix.Length] - '0');
    }

    public void Start(ActorSystem system, SimCas cas, ISimScheduler scheduler)
    {
        (_system, _start) = (system, () => Start(system, cas, scheduler));
        _pools++;
        var directories = new SimDirectories(_world, Disk, _planted == Planted.NamedByOperation
            ? static attempt => attempt.Operation.Value
            : attempt => _world.Trace.Own(attempt.ToString()));
        var settings = new ExecutorSettings(new ExecutorOptions
        {
            MaxActionTimeout = TimeSpan.FromSeconds(100),
            PreconditionScript = PreconditionScript,
            Results = new UploadResultOptions { ActionCacheStrategy = ResultStrategy.SuccessOnly },
        }, null!, directories);
        var workers = WorkerSlots.Select((slots, index) =>
            Worker(settings, scheduler, WorkerName(index), slots));
        Pool = system.ActorOf(WorkerPool.CreateProps(new WorkerPoolSettings(
            CasDownloader.CreateProps(cas, Store, new SimRoots(_world, Disk, Store), Disk, _world.Time),
            ProcessRunner.CreateProps(Launcher),
            [CasUploader.CreateProps(new UploadTargets(cas, Store, Disk, cas, null), _world.Time)],
            [.. workers])), $"host-{Name}.{_pools}");
    }

    /// <summary>From now on one of its actors fails now and then, never so often that a worker is given up.</summary>
    public void BeginTrouble() => _world.Time.Each(FailurePause, () =>
    {
        if (_world.Strike(SimFault.ActorFails, Name))
            FailSomebody();
        if (!IsDraining && _world.Strike(SimFault.HostDrains, Name))
            Drain();
        if (!IsDraining && _world.Strike(SimFault.HostPauses, Name))
            Pause();
    });

    /// <summary>Finishes what runs, and takes nothing more.</summary>
    public DrainWait BeginDrain()
    {
        IsDraining = true;
        _world.Tell(checker => checker.DrainBegan(this));
        return DrainWait.Begin(_system, Pool);
    }

    /// <summary>Finishes what runs; another pool takes its place then.</summary>
    public void Drain()
    {
        var (drained, bound) = (BeginDrain(), _world.Now + DrainBound);
        LookAgain();

        void LookAgain() => _world.Time.After(TimeSpan.FromSeconds(1), () =>
        {
            if (drained.Completed is not null)
                _world.Time.After(Aftermath, Replace);
            else if (_world.Now > bound)
                _world.Violate($"{Name} has not drained in {DrainBound.TotalMinutes} minutes");
            else
                LookAgain();
        });
    }

    /// <summary>Another pool takes the place of one that has nothing any more.</summary>
    public void Replace()
    {
        _world.Tell(checker => checker.Drained(this));
        _system.Stop(Pool);
        IsDraining = false;
        _start();
    }

    private void Pause()
    {
        var pool = Pool;
        pool.Tell(new PoolProtocol.PauseWorkers(null, "an operator"));
        _world.Time.After(TimeSpan.FromSeconds(_world.Random.Next(1, 120)),
            () => pool.Tell(new PoolProtocol.ResumeWorkers(null)));
    }

    private void FailSomebody()
    {
        var candidates = _world.Actors.Of(Pool.Path.Name)
            .Where(actor => _failures.GetValueOrDefault(actor.Path.Name) < MostFailures).ToList();
        if (candidates.Count == 0)
            return;
        var victim = candidates[_world.Random.Next(candidates.Count)];
        _failures[victim.Path.Name] = _failures.GetValueOrDefault(victim.Path.Name) + 1;
        _world.Trace.Add($"fail {victim.Path.ToStringWithoutAddress()}");
        _world.Tell(checker => checker.Failed(this));
        victim.Tell(Kill.Instance);
    }

    private string WorkerName(int index) => $"{Name}-{(char)('a' + index)}";

    private PooledWorker Worker(ExecutorSettings settings, ISimScheduler scheduler, string name, int slots)
    {
        // Some say that they have no limit, and have to refuse what is too much.
        var isUnlimited = _world.Chance(0.25);
        return new(name, 0, peers => new ConnectionSettings(
            new ConnectionOptions
            {
                Name = name,
                MaxInflightTasks = isUnlimited ? 0 : slots,
                SchedulerEndpoint = new WorkerApiEndpointOptions(
                    new GrpcEndpointOptions(new Uri("http://127.0.0.1:1"))),
            },
            settings.Options, new SimLink(_world, scheduler, this, name, isUnlimited ? slots * 8 : slots), Launcher,
            () => ActionExecutor.CreateProps(settings with { Peers = peers }), _world.Random)
        {
            ScratchDirectory = "",
            Slots = slots,
            MostWaiting = MostWaiting,
        });
    }
}
