using System.Collections.Immutable;
using Akka.Actor;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.LocalCluster;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.LocalCluster.Scheduling.Workers;
using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Connection.WorkerApi;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Simulation.Scheduling.Local;

/// <summary>
/// The local cluster's own scheduler, loop and engine, between simulated streams: what the services do on the wire is
/// done here. Whatever it is told or whenever it wakes, what it says is taken from its channels at once.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001",
    Justification = "The run's actor system ends the scheduler, on the run's own thread")]
internal sealed class SimCluster : ISimScheduler
{
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(10);

    // Shorter than usual where the engine takes something back, or gives something up.
    private static readonly SchedulerOptions Options = new()
    {
        SupportedProperties = ImmutableDictionary<string, PropertyType>.Empty
            .Add(SimClients.Processors, PropertyType.Minimum).Add(SimClients.Architecture, PropertyType.Exact),
        StagingTimeout = TimeSpan.FromSeconds(10),
        MaxActionExecutingTimeout = TimeSpan.FromSeconds(25),
        MaxQueuedOperations = 80,
    };

    private readonly SimWorld _world;
    private readonly ClusterTime _time;
    private readonly LocalScheduler _scheduler;
    private readonly Planted _planted;
    private readonly List<SimMember> _members = [];
    private readonly HashSet<string> _known = [];

    public SimCluster(
        SimWorld world, SimCas cas, IReadOnlyList<Digest> roots, RunOptions options, TimeSpan pause, bool hasRare)
    {
        (_world, _planted) = (world, options.Planted);
        _time = new ClusterTime(world.Time, Listen);
        var source = new ClusterSource(world, cas);
        _scheduler = new LocalScheduler(Options, _time, NullLoggerFactory.Instance, source, source,
            () => new Guid(world.NextNumber(), 0, 0, new byte[8]));
        Clients = new SimClients(world, cas, this, source, roots, options, pause) { HasRare = hasRare };
    }

    public SimClients Clients { get; }

    /// <summary>The workers that it counts on.</summary>
    public IReadOnlyList<SimMember> Members => _members;

    public IReadOnlyCollection<SimOperation> Operations => Clients.Operations;

    public bool IsDone => Clients.IsDone && _members.TrueForAll(static member => member.Held.Count == 0);

    public int DoneCount => Clients.DoneCount;

    public int Retries { get; private set; }

    public IEnumerable<string> Open =>
    [
        .. Clients.Open.Select(static call => call.ToString()),
        .. _members.Where(static member => member.Held.Count > 0)
            .Select(static member => $"{member.Stream.Id} holds {string.Join(' ', member.Held.Keys)}"),
    ];

    internal LocalScheduler Scheduler => _scheduler;

    public void Start(ActorSystem system) => _scheduler.Start(system);

    public void Begin()
    {
        Clients.Begin();
        _world.Time.Each(FailurePause, () =>
        {
            if (!_world.Strike(SimFault.SchedulerFails, "scheduler"))
                return;
            _time.FailsNext = true;
            Tell(Wake.Instance);
        });
    }

    /// <summary>Has the scheduler do something, and takes what it says.</summary>
    public void Tell(object message)
    {
        _scheduler.Tell(message);
        Listen();
    }

    public void Settled() => Clients.Settled();

    // --- workers ---

    public void Opened(SimStream stream) => _world.Time.After(_world.Some(1, 10), () =>
    {
        if (!stream.IsOpen || _world.Strike(SimFault.NotGreeted, stream.Id.Value))
            return;
        var offer = SimMember.OfferOf(stream.Worker, stream.Registration.MaxInflightTasks);
        var registration = WorkerApiTranslator.ToWire(stream.Registration);
        registration.Properties.Add(SimClients.PropertiesOf(offer));
        var member = new SimMember(stream, _scheduler.CreateLink(registration), offer);
        _members.Add(member);
        Tell(new Register(member.Link));
        if (_world.Strike(SimFault.GreetedAndLeft, stream.Id.Value))
            _world.Time.After(_world.Some(0, 20), () => stream.Leave("the scheduler hung up"));
    });

    public void Gone(SimStream stream)
    {
        stream.Registered = false;
        if (Find(stream) is not { } member)
            return;
        Forget(member);
        Tell(new WorkerDisconnected(member.Link, "its stream ended"));
    }

    public void Take(SimStream stream, WorkerMessage message, SimAttempt? attempt)
    {
        if (Find(stream) is not { } member)
            return;
        // Theirs from now on, as what has come over a wire.
        var update = member.Translator.ToWire(message).Clone();
        if (member.Link.TryHandle(update))
            return;
        if (message is ExecutionCompleted completed
            && member.Held.GetValueOrDefault(completed.Operation.Value) is { } held)
            held.HasEnded = true;
        if (message is ResultReady { Result: var result })
            TakeResult(member, result);
        Tell(new UpdateReceived(member.Link, update));
        if (message is ResultReady && stream.Host.Errs(Planted.UnmatchedWorker))
            Tell(new Drain(stream.Id, true, new TaskCompletionSource<bool>()));
    }

    private void TakeResult(SimMember member, Worker.Operations.ExecuteResult result)
    {
        if (!member.Held.Remove(result.OperationId.Value))
            return;
        member.IsPaused = false;
        if (result.InternalError is not { } error)
            return;
        Retries++;
        if (error.Code != (int)StatusCode.ResourceExhausted)
            return;
        if (member.Held.Count > 0)
            member.IsPaused = true;
        else
            member.NotBefore = _world.Now + TimeSpan.FromSeconds(1.1);
    }

    private SimMember? Find(SimStream stream) => _members.Find(member => member.Stream == stream);

    private void Forget(SimMember member)
    {
        _members.Remove(member);
        Retries += member.Held.Count;
    }

    // --- what the scheduler says ---

    private void Listen()
    {
        var said = new List<(SimMember Member, List<Wire.UpdateForWorker> Updates)>();
        foreach (var member in _members)
        {
            var updates = new List<Wire.UpdateForWorker>();
            while (member.Link.Outgoing.TryRead(out var update))
                updates.Add(update);
            if (updates.Count > 0)
                said.Add((member, updates));
        }
        foreach (var (member, updates) in said)
        {
            // In which order two workers were given something cannot be seen.
            var elsewhere = said.Where(other => other.Member != member).SelectMany(static other => other.Updates)
                .Where(static update => update.StartAction is not null).Select(ActionOf).ToHashSet();
            foreach (var update in updates)
                Say(member, update, elsewhere);
        }
        foreach (var member in _members.Where(static member => member.Link.Closed.IsCompleted).ToList())
        {
            Forget(member);
            member.Stream.Registered = false;
            _world.Time.After(_world.Some(1, 30), () => member.Stream.Leave("the scheduler closed it"));
        }
        Clients.Listen();
        _world.Tell(checker => checker.Turned(this));
    }

    private void Say(SimMember member, Wire.UpdateForWorker update, IReadOnlySet<Digest> elsewhere)
    {
        var stream = member.Stream;
        if (update.ConnectionResult is { } greeting)
            (stream.Id, stream.Registered) = (new WorkerId(greeting.WorkerId), true);
        if (member.Translator.FromWire(update) is not { } message)
            return;
        if (message is ActionAssigned { Assignment: var assignment } && !member.Link.Closed.IsCompleted)
        {
            Give(member, assignment.Id.Value, assignment.Action, elsewhere);
            if (_world.Strike(SimFault.ClockSkewed, assignment.Id.Value))
                message = new ActionAssigned(assignment with
                {
                    Queued = assignment.Queued + TimeSpan.FromMinutes(_world.Random.Next(-60, 61)),
                });
        }
        stream.Say(message);
    }

    private void Give(SimMember member, string operation, Digest action, IReadOnlySet<Digest> elsewhere)
    {
        if (_known.Add(operation))
        {
            var asked = new SimOperation(operation, Clients.NameOf(action), action, _world.Now);
            _world.Tell(checker => checker.Accepted(asked));
        }
        // What it still holds goes on, and costs nobody anything.
        if (!member.Held.ContainsKey(operation))
        {
            _world.Tell(checker => checker.Given(this, member, action, elsewhere));
            member.Held.Add(operation, new SimHolding(action, Clients.NeedsOf(action), Clients.OwnersOf(action)));
        }
        Trouble(member.Stream);
    }

    /// <summary>What may befall a stream while something runs for it.</summary>
    private void Trouble(SimStream stream)
    {
        var id = stream.Id.Value;
        if (_world.Strike(SimFault.KilledUnknown, id))
            stream.Say(new KillRequested(new OperationId("op-unknown")));
        if (_world.Strike(SimFault.StreamBreaks, id))
            _world.Time.After(_world.Some(1, 500), () => stream.Leave("reset"));
        if (_world.Strike(SimFault.StreamHalfOpen, id))
            _world.Time.After(_world.Some(1, 500), () => stream.HalfOpen = true);
        if (_world.Strike(SimFault.SchedulerDisconnects, id))
            _world.Time.After(_world.Some(1, 500), () => stream.Say(new DisconnectRequested()));
        if (_world.Strike(SimFault.WorkerTakenOut, id))
            _world.Time.After(_world.Some(1, 500), () => TakeOut(stream, true));
    }

    private void TakeOut(SimStream stream, bool isOut)
    {
        if (Find(stream) is not { } member)
            return;
        member.IsOut = isOut;
        Tell(new Drain(stream.Id, isOut, new TaskCompletionSource<bool>()));
        if (isOut)
            _world.Time.After(_world.Some(100, 20_000), () => TakeOut(stream, false));
    }

    private static Digest ActionOf(Wire.UpdateForWorker update) =>
        Digest.FromWire(update.StartAction.ExecuteRequest.ActionDigest, DigestFunction.Sha256, "the action");
}
