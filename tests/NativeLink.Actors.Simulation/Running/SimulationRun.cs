using System.Diagnostics;
using Akka.Actor;
using Akka.Configuration;
using NativeLink.Actors.Simulation.Checkers;
using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.Scheduling.Local;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Telemetry;

namespace NativeLink.Actors.Simulation.Running;

/// <summary>
/// Hosts with all their actors, among simulated ports, on one thread and a clock that the run moves: the same seed
/// gives the same trace. The thread is one of its own, since where a synchronisation context or a task scheduler is
/// current, .NET sends continuations elsewhere.
/// </summary>
internal sealed class SimulationRun
{
    private const int StackBytes = 64 << 20;

    /// <summary>How long nothing may come to anything.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan ClockPause = TimeSpan.FromSeconds(5);

    private const string OneThread = """
        akka {
          loglevel = OFF
          stdout-loglevel = OFF
          loggers = []
          log-dead-letters = off
          log-dead-letters-during-shutdown = off
          scheduler.implementation = "NativeLink.Actors.Simulation.World.SimClock, NativeLink.Actors.Simulation"
          coordinated-shutdown.run-by-clr-shutdown-hook = off
          coordinated-shutdown.run-by-actor-system-terminate = off
          actor {
            default-dispatcher = ${calling-thread}
            internal-dispatcher = ${calling-thread}
            default-blocking-io-dispatcher = ${calling-thread}
            default-mailbox.mailbox-type = "NativeLink.Actors.Simulation.World.SimMailbox, NativeLink.Actors.Simulation"
            mailbox.unbounded-deque-based.mailbox-type = "NativeLink.Actors.Simulation.World.SimMailbox, NativeLink.Actors.Simulation"
          }
        }
        nativelink.dispatchers {
          steps = ${calling-thread}
          keep-alive = ${calling-thread}
          large-downloads = ${calling-thread}
        }
        calling-thread {
          type = "Akka.TestKit.CallingThreadDispatcherConfigurator, Akka.TestKit"
          throughput = 1000
        }
        """;

    private SimulationRun(
        RunOptions options, SimWorld world, ActorSystem system, ISimScheduler scheduler,
        IReadOnlyList<SimHost> hosts) =>
        (Options, World, System, Scheduler, Hosts) = (options, world, system, scheduler, hosts);

    public RunOptions Options { get; }

    public SimWorld World { get; }

    /// <summary>While it runs.</summary>
    public ActorSystem System { get; }

    public ISimScheduler Scheduler { get; }

    public IReadOnlyList<SimHost> Hosts { get; }

    /// <summary>How long it took.</summary>
    public TimeSpan Took { get; private set; }

    /// <summary>How much virtual time went by.</summary>
    public TimeSpan Virtual => World.Time.Clock.Elapsed;

    /// <summary>From the first operation to the last one's end.</summary>
    public TimeSpan Working { get; private set; }

    /// <summary>Of the slots, which share was busy while there was work.</summary>
    public double Use => Hosts.Sum(static host => host.Launcher.Worked.TotalSeconds)
        / (Working.TotalSeconds * Hosts.Sum(static host => host.Slots));

    public bool Sound => World.Violations.Count == 0 && World.Trace.Strays.IsEmpty;

    public int Count(SimOutcome outcome) =>
        Scheduler.Operations.Count(operation => operation.Outcome == outcome);

    /// <exception cref="InvalidOperationException">It could not be run to its end; says the seed.</exception>
    public static SimulationRun Run(RunOptions options)
    {
        SimulationRun? done = null;
        Exception? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    done = RunHere(options);
                }
                catch (Exception error)
                {
                    failure = error;
                }
            },
            StackBytes);
        thread.Start();
        thread.Join();
        return done ?? throw new InvalidOperationException($"seed {options.Seed}", failure);
    }

    private static SimulationRun RunHere(RunOptions options)
    {
        var watch = Stopwatch.StartNew();
        using var lines = options.TraceFile is { } file ? new StreamWriter(file) : null;
        var system = ActorSystem.Create("simulation",
            ConfigurationFactory.ParseString(OneThread).WithFallback(WorkerHocon.Reference()));
        try
        {
            var clock = (SimClock)system.Scheduler;
            using var trace = new SimTrace(clock, lines);
            var world = new SimWorld(new SimTime(clock), new Random(options.Seed), trace,
                new SimFaults(options.Seed, options.Faults, options.Most));
            system.RegisterExtension(new WorldId(world));
            var simulation = Compose(options, world, system);
            options.Prepare?.Invoke(simulation);
            simulation.RunToEnd();
            simulation.Took = watch.Elapsed;
            return simulation;
        }
        finally
        {
            _ = system.Terminate();
        }
    }

    private static SimulationRun Compose(RunOptions options, SimWorld world, ActorSystem system)
    {
        var cas = new SimCas(world);
        var hosts = new List<SimHost>();
        for (var left = options.Workers; left > 0;)
        {
            var slots = Enumerable.Range(0, Math.Min(left, world.Random.Next(1, 4)))
                .Select(_ => world.Random.Next(2, 6)).ToList();
            left -= slots.Count;
            hosts.Add(new SimHost(world, $"{hosts.Count}", slots, options.Planted)
            {
                PreconditionScript = options.Precondition ? SimLauncher.Script : null,
            });
        }
        var scheduler = Scheduling(options, world, system, cas, hosts);
        world.Checkers.AddRange(
        [
            new OneAnswer(world), new OwnRun(world, cas), new OwnOutputs(world, cas), new TrueCache(world, cas),
            new WholeAnswer(world), new ProcessesEnd(world), new NothingLeft(world), new KeepAliveGap(world),
            new Bounds(world), new EndedForReason(world), new AbortedForReason(world),
            new OwnFailures(world, system), new DiskBudget(world, hosts), new NothingGrows(world, hosts),
        ]);
        SetClocks(options, world);
        scheduler.Begin();
        foreach (var host in hosts)
        {
            host.Start(system, cas, scheduler);
            host.BeginTrouble();
        }
        return new SimulationRun(options, world, system, scheduler, hosts);
    }

    private static void SetClocks(RunOptions options, SimWorld world)
    {
        var random = new Random(options.Seed);
        world.Time.Each(ClockPause, () =>
        {
            if (world.Strike(SimFault.ClockJumps, "hosts"))
                world.Time.Clock.Offset = TimeSpan.FromSeconds(random.Next(-3600, 3601));
        });
    }

    private static ISimScheduler Scheduling(
        RunOptions options, SimWorld world, ActorSystem system, SimCas cas, IReadOnlyList<SimHost> hosts)
    {
        // As many operations as the hosts can just about run.
        var pause = TimeSpan.FromMilliseconds(400.0 / hosts.Sum(static host => host.Slots));
        var roots = SimActions.AddTrees(cas, world.Random, 12);
        if (!options.Local)
            return new SimScheduler(world, cas, roots, options.Operations, pause);
        var cluster = new SimCluster(world, cas, roots, options, pause,
            hasRare: hosts.Any(static host => host.WorkerSlots.Count > 1));
        cluster.Start(system);
        world.Checkers.AddRange(
        [
            new NobodyWaits(world), new ClientsAnswers(world, cas), new NoIdleWorker(world), new FairTurns(world),
        ]);
        return cluster;
    }

    private void RunToEnd()
    {
        if (!AdvanceUntil(() => Scheduler.IsDone))
        {
            World.Violate($"not done after {Patience}: {string.Join("; ", Scheduler.Open.Take(5))}");
            return;
        }
        Working = Virtual;
        World.Faults.Over = true;
        if (!ServesOn())
            return;
        // What lingers comes to its end.
        var quiet = World.Now + TimeSpan.FromMinutes(5);
        AdvanceUntil(() => World.Now >= quiet);
        Scheduler.Settled();
        foreach (var host in Hosts)
        {
            var drained = host.BeginDrain();
            if (!AdvanceUntil(() => drained.Completed is not null))
                World.Violate($"{host.Name} does not drain");
            else if (drained.Completed == false)
                World.Violate($"{host.Name} has not finished all when it drained");
        }
        quiet = World.Now + TimeSpan.FromMinutes(1);
        AdvanceUntil(() => World.Now >= quiet);
        foreach (var host in Hosts)
            World.Tell(checker => checker.Drained(host));
    }

    /// <summary>Whether further operations come to what their actions make.</summary>
    private bool ServesOn()
    {
        if (Options.Afterwards == 0 || Scheduler is not SimScheduler rules)
            return true;
        var further = rules.Extend(Options.Afterwards);
        if (!AdvanceUntil(() => Scheduler.IsDone))
        {
            World.Violate($"does not serve on: {string.Join("; ", Scheduler.Open.Take(5))}");
            return false;
        }
        foreach (var operation in Scheduler.Operations.Skip(further)
            .Where(static operation => SimActions.Outcome(operation.Action) is { } own && operation.Outcome != own))
            World.Violate($"afterwards {operation.Id} of {operation.Action} is {operation.Outcome}");
        return true;
    }

    /// <summary>False when that does not come about.</summary>
    private bool AdvanceUntil(Func<bool> done)
    {
        var (clock, end, count) = (World.Time.Clock, World.Now + Patience, Scheduler.DoneCount);
        while (!done())
        {
            if (Scheduler.DoneCount != count)
                (count, end) = (Scheduler.DoneCount, World.Now + Patience);
            if (World.Now > end || !clock.Advance())
                return false;
        }
        return true;
    }

    private sealed class WorldId(SimWorld world) : ExtensionIdProvider<SimWorld>
    {
        public override SimWorld CreateExtension(ExtendedActorSystem system) => world;
    }
}
