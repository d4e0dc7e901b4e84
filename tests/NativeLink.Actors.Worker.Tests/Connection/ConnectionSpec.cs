using System.Collections.Concurrent;
using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Testing.Scheduling;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Processes;
using NativeLink.Actors.Worker.Tests.Operations;
using static NativeLink.Actors.Worker.Operations.ExecutorProtocol;

namespace NativeLink.Actors.Worker.Tests.Connection;

/// <summary>
/// One connection between a scripted scheduler and executors
/// that are one probe, on a clock that only the test moves.
/// </summary>
public abstract class ConnectionSpec : TestKit
{
    private readonly TempDirectory _scratch = new();

    protected ConnectionSpec()
        : base(TestKits.Clocked)
    {
        (Pool, Executors) = (CreateTestProbe("pool"), CreateTestProbe("executors"));
        Pool.IgnoreMessages(message =>
        {
            if (message is ConnectionProtocol.PhaseChanged changed)
                Phases.Enqueue(changed);
            if (message is ConnectionProtocol.OrphanBegan began)
                Orphans.Enqueue(began);
            return message is ConnectionProtocol.PhaseChanged or ConnectionProtocol.OrphanBegan
                or ConnectionProtocol.OrphanGone;
        });
    }

    /// <summary>What the connection has said that it does, in order.</summary>
    private protected ConcurrentQueue<ConnectionProtocol.PhaseChanged> Phases { get; } = [];

    private protected ConcurrentQueue<ConnectionProtocol.OrphanBegan> Orphans { get; } = [];

    private protected BreakerOptions? Breaker { get; set; }

    /// <summary>Brings the trial action to the CAS.</summary>
    private protected Func<CancellationToken, Task<Digest>>? Probe { get; set; }

    /// <summary>What the CAS says of results that have been there for a while.</summary>
    private protected bool IsComplete { get; set; } = true;

    private protected async Task ExpectPhaseAsync(WorkerPhase phase) =>
        await AwaitConditionAsync(() => Task.FromResult(Phases.LastOrDefault()?.Phase == phase));

    private protected ScriptedLink Link { get; } = new();

    private protected ScriptedLauncher Launcher { get; } = new();

    protected TestProbe Pool { get; }

    /// <summary>
    /// Hears what every executor hears; the sender is
    /// the executor itself, as the connection knows it.
    /// </summary>
    protected TestProbe Executors { get; }

    protected TestScheduler Clock => (TestScheduler)Sys.Scheduler;

    protected override void AfterAll()
    {
        base.AfterAll();
        _scratch.Dispose();
    }

    private protected IActorRef Connect(
        Func<ConnectionOptions, ConnectionOptions>? options = null, ExecutorOptions? actions = null,
        int mostWaiting = 1000)
    {
        var configured = (options ?? (same => same))(Actions.Connection());
        var executors = Executors.Ref;
        return Pool.ChildActorOf(SchedulerConnection.CreateProps(new ConnectionSettings(
            configured, actions ?? new ExecutorOptions(), Link, Launcher,
            () => Props.Create(() => new Relay(executors)), new Random(1))
        {
            ScratchDirectory = _scratch.Path,
            Slots = 4,
            MostWaiting = mostWaiting,
            Breaker = Breaker,
            Probe = Probe,
            IsComplete = (_, _, _) => Task.FromResult(IsComplete),
        }), new OneForOneStrategy(_ => Directive.Restart));
    }

    private protected async Task<ScriptedStream> RegisteredAsync(
        Func<ConnectionOptions, ConnectionOptions>? options = null, int mostWaiting = 1000)
    {
        Connect(options, mostWaiting: mostWaiting);
        return await AcceptAsync();
    }

    private protected async Task<ScriptedStream> AcceptAsync(string id = "worker-1")
    {
        var stream = await Link.NextAsync();
        stream.Greet(id);
        await Pool.ExpectMsgAsync(new ConnectionProtocol.Registered(new WorkerId(id)));
        return stream;
    }

    internal static Wire.StartExecute StartOf(string id, string action = "action", string instance = "main") => new()
    {
        OperationId = id,
        QueuedTimestamp = Timestamp.FromDateTimeOffset(Actions.Queued),
        ExecuteRequest = new Reapi.ExecuteRequest
        {
            InstanceName = instance,
            DigestFunction = Reapi.DigestFunction.Types.Value.Sha256,
            ActionDigest = BlobHasher.Compute(System.Text.Encoding.UTF8.GetBytes(action), DigestFunction.Sha256)
                .ToWire(),
        },
    };

    /// <summary>Moves the clock in small steps until something is seen; says how far.</summary>
    protected async Task<TimeSpan> AdvanceUntilAsync(Func<bool> seen)
    {
        var from = Clock.Now;
        await AwaitConditionAsync(() =>
        {
            Clock.Advance(TimeSpan.FromSeconds(0.05));
            return Task.FromResult(seen());
        }, TimeSpan.FromSeconds(60), TimeSpan.FromMilliseconds(2));
        return Clock.Now - from;
    }

    /// <summary>The next operation that an executor was given, and that executor.</summary>
    private protected async Task<(Start Start, IActorRef Executor)> StartedAsync()
    {
        var start = await Executors.ExpectMsgAsync<Start>();
        return (start, Executors.LastSender);
    }

    /// <summary>Lets an executor say its one answer and end.</summary>
    private protected static void Finish(
        IActorRef executor, Start start, ResultKind resultKind = ResultKind.Succeeded, Fault? fault = null,
        bool doNotCache = false)
    {
        var stamps = new ActionStamps { WorkerStart = Actions.Queued };
        var outcome = new ActionOutcome(start.Assignment, resultKind, fault, stamps)
        {
            Process = Actions.Report(),
            Outputs = Actions.Uploaded(),
        };
        executor.Tell(new Relay.Say(new Finished(start.Attempt, ExecuteResultBuilder.Build(outcome), resultKind)
        {
            DoNotCache = doNotCache,
        }));
        executor.Tell(PoisonPill.Instance);
    }

    /// <summary>An executor by remote control.</summary>
    protected sealed class Relay(IActorRef probe) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (message is Say say)
                Context.Parent.Tell(say.What);
            else if (message is Exception crash)
                throw crash;
            else
                probe.Tell(message, Self);
        }

        public sealed record Say(object What);
    }
}

/// <summary>Runs property queries: writes what the test says to the spools.</summary>
internal sealed class ScriptedLauncher : IProcessLauncher
{
    public Func<ProcessPlan, (int ExitCode, string Stdout, byte[] Stderr)> Script { get; set; } = _ => (0, "", []);

    public List<ProcessPlan> Plans { get; } = [];

    public string Description => "scripted";

    public async Task<ProcessReport> RunAsync(ProcessPlan plan, CancellationToken abort)
    {
        Plans.Add(plan);
        var (exitCode, stdout, stderr) = Script(plan);
        // As the real one: who says nothing has no spool file.
        if (stdout.Length > 0) await File.WriteAllTextAsync(plan.StdoutPath, stdout, abort);
        if (stderr.Length > 0) await File.WriteAllBytesAsync(plan.StderrPath, stderr, abort);
        return Actions.Report(exitCode);
    }
}
