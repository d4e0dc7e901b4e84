using Google.LongRunning;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.LocalCluster.Scheduling.Clients;
using NativeLink.Actors.LocalCluster.Services;
using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.World;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;
using Stage = Build.Bazel.Remote.Execution.V2.ExecutionStage.Types.Value;

namespace NativeLink.Actors.Simulation.Scheduling.Local;

/// <summary>
/// The local cluster's clients: some ask for much and some for little, some for what another asks for; they cancel, go,
/// and come back. What is refused they ask for again.
/// </summary>
internal sealed class SimClients
{
    /// <summary>A quantity that a worker has.</summary>
    public const string Processors = "cpu_count";

    /// <summary>What every worker has one of.</summary>
    public const string Architecture = "cpu_arch";

    public const string Usual = "usual";

    /// <summary>Not every run has a worker of it.</summary>
    public const string Rare = "rare";

    private const string Instance = "main";
    private const int CrowdSize = 40;

    private static readonly (string Name, double UpTo)[] Names =
        [("much", 0.7), ("some", 0.88), ("little", 0.96), ("least", 1)];

    private readonly SimWorld _world;
    private readonly SimCas _cas;
    private readonly SimCluster _cluster;
    private readonly ClusterSource _source;
    private readonly IReadOnlyList<Digest> _roots;
    private readonly RunOptions _options;
    private readonly TimeSpan _pause;
    private readonly ExecuteCheck _check;
    private readonly List<SimOperation> _operations = [];
    private readonly List<SimCall> _open = [];
    private readonly Dictionary<Digest, SimShared> _shared = [];
    private readonly List<string> _names = [];
    private int _crowd;

    public SimClients(
        SimWorld world, SimCas cas, SimCluster cluster, ClusterSource source, IReadOnlyList<Digest> roots,
        RunOptions options, TimeSpan pause)
    {
        (_world, _cas, _cluster, _source, _roots, _options, _pause) =
            (world, cas, cluster, source, roots, options, pause);
        _check = new ExecuteCheck(source, cluster.Scheduler.Properties, [Instance]);
    }

    /// <summary>Whether there are workers of the rare kind.</summary>
    public bool HasRare { get; init; }

    public IReadOnlyCollection<SimOperation> Operations => _operations;

    /// <summary>What has not come to anything yet.</summary>
    public IReadOnlyList<SimCall> Open => _open;

    public int DoneCount { get; private set; }

    public bool IsDone => DoneCount == _options.Operations;

    /// <summary>The priorities with which an action was asked for.</summary>
    public (int Least, int Most) PrioritiesOf(Digest action) => _shared[action].Priorities;

    /// <summary>Who has asked for it.</summary>
    public IReadOnlySet<string> OwnersOf(Digest action) => _shared[action].Owners.ToHashSet();

    public SimNeeds NeedsOf(Digest action) => _shared[action].Needs;

    public string NameOf(Digest action) => _shared[action].Name;

    public static IEnumerable<Reapi.Platform.Types.Property> PropertiesOf(SimNeeds needs) =>
    [
        new() { Name = Processors, Value = SimWorld.Text(needs.Processors) },
        new() { Name = Architecture, Value = needs.Architecture },
    ];

    public void Begin() => _world.Time.After(_world.Some(1, 1000), AskNext);

    /// <summary>Takes what the scheduler has written to the clients' streams.</summary>
    public void Listen()
    {
        foreach (var call in _open.ToArray())
        {
            if (call.Stream is not { } stream)
                continue;
            while (stream.Updates.TryRead(out var update))
                Hear(call, update);
            if (ReferenceEquals(call.Stream, stream) && stream.Updates.Completion.IsCompleted)
                Closed(call, stream);
        }
    }

    /// <summary>What has an answer is forgotten after a while.</summary>
    public void Settled()
    {
        foreach (var name in _names)
        {
            var answer = new TaskCompletionSource<Operation?>();
            _cluster.Tell(new GetOperation(name, answer));
            if (!answer.Task.IsCompletedSuccessfully || answer.Task.Result is not null)
                _world.Violate($"{name} is still known, minutes after its end");
        }
    }

    // --- asking ---

    private void AskNext()
    {
        var number = _operations.Count;
        if (number == _options.Operations)
            return;
        // Some ask for what somebody has just asked for.
        var action = _world.Chance(0.75) || number == 0
            ? SimActions.Name(number)
            : SimActions.Name(_world.Random.Next(Math.Max(0, number - 15), number));
        var draw = _world.Random.NextDouble();
        var client = Array.Find(Names, name => draw < name.UpTo).Name;
        var needs = new SimNeeds(SimActions.Number(action) % 6 == 5 ? 2 : 1,
            HasRare && SimActions.Number(action) % 5 == 4 ? Rare : Usual);
        var digest = SimActions.AddAction(_cas, action, _roots[SimActions.Number(action) % _roots.Count],
            new Reapi.Platform { Properties = { PropertiesOf(needs) } });
        var operation = new SimOperation(SimWorld.Text($"op-{number}"), action, digest, _world.Now);
        var call = new SimCall(operation, client, _world.Chance(0.1) ? 5 : 0, needs);
        _operations.Add(operation);
        _open.Add(call);
        if (!_shared.TryGetValue(digest, out var shared))
            _shared.Add(digest, shared = new SimShared(action, needs));
        shared.Add(call);
        _world.Tell(checker => checker.Asked(call));
        Go(() => ExecuteAsync(call));
        if (_crowd == 0 && _world.Chance(0.01))
            _crowd = CrowdSize;
        _world.Time.After(_crowd > 0 && _crowd-- > 0
            ? TimeSpan.FromMilliseconds(1)
            : TimeSpan.FromTicks((long)(_pause.Ticks * 2 * _world.Random.NextDouble())), AskNext);
    }

    private async Task ExecuteAsync(SimCall call)
    {
        await _world.DelayAsync(1, 10, CancellationToken.None);
        Submission submission;
        try
        {
            submission = await _check.RunAsync(new Reapi.ExecuteRequest
            {
                InstanceName = Instance,
                ActionDigest = call.Operation.Digest.ToWire(),
                ExecutionPolicy = new Reapi.ExecutionPolicy { Priority = call.Priority },
            }, CancellationToken.None);
        }
        catch (RpcException refusal)
        {
            Refused(call, refusal.StatusCode);
            return;
        }
        submission = submission with { Client = _options.Planted == Planted.UnsharedTurns ? "all" : call.Client };
        var known = submission.Joinable
            ? await _source.FindCompleteAsync(Instance, call.Operation.Digest, CancellationToken.None)
            : null;
        call.Stage = Stage.Unknown;
        var stream = call.Stream = new OperationStream();
        _cluster.Tell(known is null
            ? new Submit(submission, stream)
            : new CompleteFromCache(submission, known, stream));
        if (_world.Strike(SimFault.ClientCancels, call.Operation.Id))
            _world.Time.After(_world.Some(1, 600), () => Cancel(call));
        if (_world.Strike(SimFault.ClientVanishes, call.Operation.Id))
            _world.Time.After(_world.Some(1, 600), () => Vanish(call));
    }

    /// <summary>The scheduler did not take it.</summary>
    private void Refused(SimCall call, StatusCode code)
    {
        _world.Trace.Add($"client {call} refused {code}");
        (call.Stream, call.Name, call.Stage) = (null, null, Stage.Unknown);
        if (code == StatusCode.FailedPrecondition)
            _cas.BringBack();
        if (call.Cancelled)
            End(call, SimOutcome.Cancelled);
        else if (!call.IsDeaf)
            _world.Time.After(_world.Some(50, 1500), () => Go(() => ExecuteAsync(call)));
    }

    private void Cancel(SimCall call)
    {
        if (call is { Operation.Outcome: not null } or { Name: null })
            return;
        _world.Trace.Add($"client {call} cancels");
        call.Cancelled = true;
        var answer = new TaskCompletionSource<bool>();
        _cluster.Tell(new CancelOperation(call.Name, answer));
        if (call.Operation.Outcome is null && call is { IsListening: true, IsDeaf: false })
            _world.Violate($"{call} was cancelled and has no answer");
    }

    private void Vanish(SimCall call)
    {
        if (call is { Operation.Outcome: not null } or { Stream: null })
            return;
        var (stream, silence) = (call.Stream, _world.Chance(0.3) ? _world.Some(100, 30_000) : _world.Some(0, 1));
        _world.Trace.Add($"client {call} goes");
        (call.IsDeaf, call.WasAway) = (true, true);
        var comesBack = _world.Chance(0.6);
        _world.Time.After(silence, () => Abandon(call, stream, comesBack));
    }

    private void Abandon(SimCall call, OperationStream stream, bool comesBack)
    {
        stream.Abandon();
        if (ReferenceEquals(call.Stream, stream))
            call.Stream = null;
        _world.Time.After(_world.Some(0, 20), () => _cluster.Tell(new Unsubscribe(stream)));
        if (call.Operation.Outcome is not null)
            return;
        if (comesBack)
            _world.Time.After(_world.Some(50, 25_000), () => Return(call));
        else
            End(call, SimOutcome.Left);
    }

    private void Return(SimCall call)
    {
        if (call.Operation.Outcome is not null)
            return;
        _world.Trace.Add($"client {call} comes back");
        call.IsDeaf = false;
        if (call.Name is null)
        {
            Go(() => ExecuteAsync(call));
            return;
        }
        var stream = call.Stream = new OperationStream();
        _cluster.Tell(new WaitExecution(call.Name, stream));
    }

    // --- hearing ---

    private void Hear(SimCall call, Operation update)
    {
        if (update.Done && IsForgotten(call))
        {
            call.Stream = new OperationStream();
            return;
        }
        var stage = update.Metadata.Unpack<Reapi.ExecuteOperationMetadata>().Stage;
        _world.Trace.Add($"client {call} hears {update.Name} {stage}");
        if (call.Name is null)
            _names.Add(update.Name);
        _world.Tell(checker => checker.Updated(call, update));
        call.Stage = stage;
        if (stage == Stage.Executing)
            call.Operation.Given ??= _world.Now;
        if (update.Done)
            _shared[call.Operation.Digest].Answered(call);
        if (call.IsDeaf)
            return;
        call.Name = update.Name;
        if (update.Done)
            Answered(call, update.Response.Unpack<Reapi.ExecuteResponse>());
    }

    private bool IsForgotten(SimCall call) => _options.Planted == Planted.ForgottenWaiter && _world.Chance(0.1)
        && _open.Exists(other => other != call && other.Operation.Digest == call.Operation.Digest);

    private void Answered(SimCall call, Reapi.ExecuteResponse response)
    {
        var code = (StatusCode)(response.Status?.Code ?? 0);
        if (code == StatusCode.FailedPrecondition)
            _cas.BringBack();
        End(call, code == StatusCode.Cancelled ? SimOutcome.Cancelled
            : code == StatusCode.DeadlineExceeded && call.WasAway ? SimOutcome.Left
            : response.Result.ExitCode == SchedulerAnswers.NoExitCode ? SimOutcome.GivenUp
            : code == StatusCode.OK && response.Result.ExitCode == 0 ? SimOutcome.Succeeded
            : SimOutcome.Failed);
    }

    private void Closed(SimCall call, OperationStream stream)
    {
        if (stream.Updates.Completion.Exception?.InnerException is RpcException refusal)
            Refused(call, refusal.StatusCode);
        else if (!call.IsDeaf)
            _world.Violate($"{call} has a stream that ended without an answer");
        else
            call.Stream = null;
    }

    private void End(SimCall call, SimOutcome outcome)
    {
        _world.Trace.Add($"client {call} {outcome}");
        (call.Operation.Outcome, call.Stream) = (outcome, null);
        _open.Remove(call);
        DoneCount++;
        _world.Tell(checker => checker.CallEnded(call));
    }

    /// <summary>Goes on by itself; what it fails with is nobody's plan.</summary>
    private void Go(Func<Task> what) => what().ContinueWith(
        done => _world.Violate($"a client failed: {done.Exception}"), CancellationToken.None,
        TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
}
