using Akka.Actor;
using Akka.Configuration;
using Akka.TestKit;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Inputs;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Outputs;
using NativeLink.Actors.Worker.Processes;
using NativeLink.Actors.Worker.Telemetry;
using NativeLink.Actors.Worker.Tests.Operations;
using static NativeLink.Actors.Worker.PoolProtocol;

namespace NativeLink.Actors.Worker.Tests.Simulation;

/// <summary>
/// A worker with all its actors, among simulated ports, on one thread and a clock that the run moves: the same seed
/// gives the same trace. The thread is one of its own, since where a synchronisation context or a task scheduler is
/// current, .NET sends continuations elsewhere.
/// </summary>
internal sealed class Simulation
{
    private const int Operations = 200;
    private const int StackBytes = 64 << 20;
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(5);
    private static readonly DateTimeOffset Start = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private const string OneThread = """
        akka {
          loglevel = OFF
          stdout-loglevel = OFF
          loggers = []
          log-dead-letters = off
          log-dead-letters-during-shutdown = off
          scheduler.implementation = "Akka.TestKit.TestScheduler, Akka.TestKit"
          coordinated-shutdown.run-by-clr-shutdown-hook = off
          coordinated-shutdown.run-by-actor-system-terminate = off
          actor {
            default-dispatcher = ${calling-thread}
            internal-dispatcher = ${calling-thread}
            default-blocking-io-dispatcher = ${calling-thread}
            default-mailbox.mailbox-type = "NativeLink.Actors.Worker.Tests.Simulation.SimMailbox, NativeLink.Actors.Worker.Tests"
            mailbox.unbounded-deque-based.mailbox-type = "NativeLink.Actors.Worker.Tests.Simulation.SimMailbox, NativeLink.Actors.Worker.Tests"
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

    private Simulation(int seed, SimWorld world, SimScheduler scheduler, SimStore store) =>
        (Seed, World, Scheduler, Store) = (seed, world, scheduler, store);

    public int Seed { get; }

    public SimWorld World { get; }

    public SimScheduler Scheduler { get; }

    public SimStore Store { get; }

    /// <summary>How many pieces of blobs went through a graph of Akka.Streams.</summary>
    public int Streamed =>
        World.Trace.Lines.Count(static line => line.Contains("store append", StringComparison.Ordinal));

    public static Simulation Run(int seed)
    {
        Simulation? done = null;
        Exception? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    done = RunHere(seed);
                }
                catch (Exception error)
                {
                    failure = error;
                }
            },
            StackBytes);
        thread.Start();
        thread.Join();
        return done ?? throw new InvalidOperationException($"seed {seed}", failure);
    }

    private static Simulation RunHere(int seed)
    {
        var system = ActorSystem.Create("simulation",
            ConfigurationFactory.ParseString(OneThread).WithFallback(WorkerHocon.Reference()));
        try
        {
            var clock = (TestScheduler)system.Scheduler;
            clock.AdvanceTo(Start);
            var trace = new SimTrace { Clock = clock, Start = Start };
            system.RegisterExtension(new TraceId(trace));
            var world = new SimWorld(new SimTime(clock), new Random(seed), trace);
            var simulation = Compose(seed, system, world, out var pool);
            AdvanceUntil(clock, () => simulation.Scheduler.IsDone);
            var drained = pool.Ask<AllDrained>(new DrainAll(), Timeout.InfiniteTimeSpan);
            AdvanceUntil(clock, () => drained.IsCompleted);
            simulation.Check();
            return simulation;
        }
        finally
        {
            _ = system.Terminate();
        }
    }

    private static Simulation Compose(int seed, ActorSystem system, SimWorld world, out IActorRef pool)
    {
        var cas = new SimCas(world, failures: 0.02);
        var scheduler = new SimScheduler(world, cas, SimActions.AddTrees(cas, world.Random, 12), Operations,
            kills: 0.25);
        var store = new SimStore(world, mostBytes: 600 << 10);
        var launcher = new SimLauncher(world);
        var settings = new ExecutorSettings(Actions.Options(), null!, new SimDirectories(world));
        pool = system.ActorOf(WorkerPool.CreateProps(new WorkerPoolSettings(
            CasDownloader.CreateProps(cas, store, new SimRoots(world, store), world.Disk, world.Time),
            ProcessRunner.CreateProps(launcher),
            [CasUploader.CreateProps(new UploadTargets(cas, store, world.Disk, cas, null), world.Time)],
            [
                new PooledWorker("one", 0, peers => new ConnectionSettings(
                    Actions.Connection(), settings.Options, scheduler, launcher,
                    () => ActionExecutor.CreateProps(settings with { Peers = peers }), world.Random)
                {
                    ScratchDirectory = "",
                    Slots = 6,
                }),
            ])), "pool");
        return new Simulation(seed, world, scheduler, store);
    }

    private static void AdvanceUntil(TestScheduler clock, Func<bool> done)
    {
        for (var end = clock.Now + Bound; !done(); clock.Advance(Step))
        {
            if (clock.Now > end)
                throw new TimeoutException($"not done after {Bound} of virtual time");
        }
    }

    private void Check()
    {
        Scheduler.Check();
        if (Store.Leases > 0)
            World.Wrong.Add($"{Store.Leases} leases were not ended");
        if (World.Disk.NamesIn(SimDirectories.Work) is { Count: > 0 } left)
            World.Wrong.Add($"left in {SimDirectories.Work}: {string.Join(' ', left)}");
    }

    private sealed class TraceId(SimTrace trace) : ExtensionIdProvider<SimTrace>
    {
        public override SimTrace CreateExtension(ExtendedActorSystem system) => trace;
    }
}
