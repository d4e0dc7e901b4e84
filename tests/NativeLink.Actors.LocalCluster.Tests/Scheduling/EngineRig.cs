using System.Collections.Immutable;
using Google.LongRunning;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.LocalCluster.Scheduling.Clients;
using NativeLink.Actors.LocalCluster.Scheduling.Queueing;
using NativeLink.Actors.LocalCluster.Scheduling.Workers;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;

namespace NativeLink.Actors.LocalCluster.Tests.Scheduling;

/// <summary>
/// The engine on a clock of its own, with scripted workers
/// and clients; no thread and no wire between them.
/// </summary>
internal sealed class EngineRig
{
    private readonly PropertyRules _rules;

    public EngineRig(SchedulerOptions? options = null)
    {
        Options = options ?? new SchedulerOptions { SupportedProperties = Types };
        _rules = new PropertyRules(Options.SupportedProperties);
        Engine = new SchedulerEngine(Options, Time, Log);
    }

    public static ImmutableDictionary<string, PropertyType> Types { get; } = new Dictionary<string, PropertyType>
    {
        ["cpu_count"] = PropertyType.Minimum,
        ["cpu_arch"] = PropertyType.Exact,
        ["OSFamily"] = PropertyType.Priority,
        ["lane"] = PropertyType.Ignore,
    }.ToImmutableDictionary();

    public SchedulerOptions Options { get; }

    public FakeTimeProvider Time { get; } = new(DateTimeOffset.UnixEpoch);

    public LogLines Log { get; } = new();

    public SchedulerEngine Engine { get; }

    public RigWorker Connect(ulong maxInflight = 0, params string[] properties)
    {
        var worker = new RigWorker(this, new WorkerLink(
            "w-", maxInflight, _rules.ReadWorker(Samples.Properties(properties).Properties), Time));
        Engine.Register(new Register(worker.Link));
        return worker;
    }

    public RigClient Execute(
        string action = "a", int priority = 0, TimeSpan? timeout = null, bool skipCache = false, bool joinable = true,
        params string[] properties)
    {
        var key = new ActionKey("main", Samples.DigestOf(action));
        var submission = new Submission(key, _rules.ReadAction(Samples.Properties(properties)), priority, timeout,
            skipCache, joinable && !skipCache);
        var client = new RigClient(this);
        Engine.Submit(new Submit(submission, client.Stream));
        return client;
    }

    /// <summary>An action of one of several clients, who share the workers.</summary>
    public RigClient ExecuteFor(
        string owner, string action, int priority = 0, TimeSpan? timeout = null, bool joinable = true,
        params string[] properties)
    {
        var client = new RigClient(this);
        Engine.Submit(new Submit(
            new Submission(new ActionKey("main", Samples.DigestOf(action)), _rules.ReadAction(
                Samples.Properties(properties)), priority, timeout, !joinable, joinable, owner), client.Stream));
        return client;
    }

    public RigClient WaitFor(string name)
    {
        var client = new RigClient(this);
        Engine.WaitExecution(new WaitExecution(name, client.Stream));
        return client;
    }

    /// <summary>Lets time pass in small steps; workers named send keep-alives meanwhile.</summary>
    public void Pass(double seconds, params RigWorker[] alive)
    {
        for (var left = TimeSpan.FromSeconds(seconds); left > TimeSpan.Zero; left -= TimeSpan.FromMilliseconds(100))
        {
            Time.Advance(TimeSpan.FromMilliseconds(100));
            foreach (var worker in alive)
                worker.KeepAlive();
            Engine.Wake();
        }
    }
}

/// <summary>A worker that does what the test says.</summary>
internal sealed class RigWorker(EngineRig rig, WorkerLink link)
{
    private readonly List<Wire.UpdateForWorker> _seen = [];

    public WorkerLink Link => link;

    public List<Wire.UpdateForWorker> Seen
    {
        get
        {
            while (link.Outgoing.TryRead(out var update))
                _seen.Add(update);
            return _seen;
        }
    }

    public List<Wire.StartExecute> Starts => [.. Seen.Where(u => u.StartAction is not null).Select(u => u.StartAction)];

    public List<string> Kills => [.. Seen.Where(u => u.KillOperationRequest is not null)
        .Select(u => u.KillOperationRequest.OperationId)];

    public bool IsEvicted => Seen.Exists(u => u.Disconnect is not null) && link.Closed.IsCompleted;

    public string Id => Seen[0].ConnectionResult.WorkerId;

    public void Send(Wire.UpdateForScheduler update) => rig.Engine.Receive(new UpdateReceived(link, update));

    public void KeepAlive() => Send(new Wire.UpdateForScheduler { KeepAliveRequest = new Wire.KeepAliveRequest() });

    public void Complete(string operation) => Send(new Wire.UpdateForScheduler
    {
        ExecuteComplete = new Wire.ExecuteComplete { OperationId = operation },
    });

    public void Answer(string operation, Reapi.ExecuteResponse? response = null) => Send(new Wire.UpdateForScheduler
    {
        ExecuteResult = new Wire.ExecuteResult
        {
            OperationId = operation,
            ExecuteResponse = response ?? Samples.FullResponse(),
        },
    });

    public void Fail(string operation, StatusCode code) => Send(new Wire.UpdateForScheduler
    {
        ExecuteResult = new Wire.ExecuteResult
        {
            OperationId = operation,
            InternalError = new Google.Rpc.Status { Code = (int)code, Message = "from the worker" },
        },
    });

    public void Leave() => Send(new Wire.UpdateForScheduler { GoingAwayRequest = new Wire.GoingAwayRequest() });

    public void Break() => rig.Engine.WorkerDisconnected(new WorkerDisconnected(link, "its stream broke"));
}

/// <summary>A client stream.</summary>
internal sealed class RigClient(EngineRig rig)
{
    private readonly List<Operation> _seen = [];

    public OperationStream Stream { get; } = new();

    public List<Operation> Seen
    {
        get
        {
            while (Stream.Updates.TryRead(out var operation))
                _seen.Add(operation);
            return _seen;
        }
    }

    public string Name => Seen[0].Name;

    public IEnumerable<Reapi.ExecutionStage.Types.Value> Stages =>
        Seen.Select(o => o.Metadata.Unpack<Reapi.ExecuteOperationMetadata>().Stage);

    public Reapi.ExecutionStage.Types.Value Stage => Stages.Last();

    public Reapi.ExecuteResponse? Response => Seen[^1].Done ? Seen[^1].Response.Unpack<Reapi.ExecuteResponse>() : null;

    /// <summary>The code with which the call was refused.</summary>
    public StatusCode? Refused => Seen.Count == 0
        && Stream.Updates.Completion is { IsFaulted: true, Exception.InnerException: RpcException error }
        ? error.StatusCode
        : null;

    public void GoAway() => rig.Engine.Unsubscribe(new Unsubscribe(Stream));

    public bool Cancel()
    {
        var answer = new TaskCompletionSource<bool>();
        rig.Engine.CancelOperation(new CancelOperation(Name, answer));
        return answer.Task.IsCompletedSuccessfully && answer.Task.GetAwaiter().GetResult();
    }
}

/// <summary>Keeps what was logged.</summary>
internal sealed class LogLines : ILogger
{
    public List<string> Lines { get; } = [];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter) =>
        Lines.Add(formatter(state, exception));
}
