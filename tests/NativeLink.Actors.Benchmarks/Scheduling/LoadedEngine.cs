using System.Collections.Immutable;
using System.Diagnostics;
using System.Security.Cryptography;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.LocalCluster;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.LocalCluster.Scheduling.Clients;
using NativeLink.Actors.LocalCluster.Scheduling.Queueing;
using NativeLink.Actors.LocalCluster.Scheduling.Workers;
using NativeLink.Actors.Protocol;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;

namespace NativeLink.Actors.Benchmarks.Scheduling;

/// <summary>
/// A scheduler's engine with one busy worker and many waiting
/// operations of some property sets; times what is said to it.
/// </summary>
internal sealed class LoadedEngine
{
    private static readonly SchedulerOptions Options = new()
    {
        SupportedProperties = new Dictionary<string, PropertyType>
        {
            ["cpu_count"] = PropertyType.Minimum,
            ["cpu_arch"] = PropertyType.Exact,
        }.ToImmutableDictionary(),
        MaxQueuedOperations = 1_000_000,
        WorkerTimeout = TimeSpan.FromSeconds(30),
        RetainCompletedFor = TimeSpan.FromSeconds(1),
    };

    private readonly SchedulerEngine _engine = new(Options, TimeProvider.System, NullLogger.Instance);
    private readonly PropertyRules _rules = new(Options.SupportedProperties);
    private readonly WorkerLink _worker;
    private readonly int _sets;
    private readonly List<OperationStream> _streams = [];
    private readonly Queue<string> _running = [];
    private int _number;

    /// <param name="queued">How many operations wait.</param>
    /// <param name="sets">Of how many different property sets they are.</param>
    public LoadedEngine(int queued, int sets)
    {
        _sets = sets;
        var declared = new Reapi.Platform
        {
            Properties = { new Reapi.Platform.Types.Property { Name = "cpu_count", Value = "10" },
                new Reapi.Platform.Types.Property { Name = "cpu_arch", Value = "x" } },
        };
        _worker = new WorkerLink("w-", 2, _rules.ReadWorker(declared.Properties), TimeProvider.System);
        _engine.Register(new Register(_worker));
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < queued; i++)
            Keep(Submit(Next()));
        BytesAnOperation = (GC.GetTotalMemory(forceFullCollection: true) - before) / (double)queued;
        _ = Starts();
    }

    /// <summary>All that the scheduler and the stream of its client keep of one that waits.</summary>
    public double BytesAnOperation { get; }

    public int Queued => _engine.Queued;

    public bool IsEvicted => _worker.Closed.IsCompleted;

    /// <summary>One client comes, its operation waits, and it leaves again; only its coming is timed.</summary>
    public long TimeSubmit()
    {
        var submission = Next();
        var began = Stopwatch.GetTimestamp();
        var stream = Submit(submission);
        var took = Stopwatch.GetTimestamp() - began;
        _engine.Unsubscribe(new Unsubscribe(stream));
        _engine.Wake();
        return took;
    }

    /// <summary>
    /// A process ends, its result comes, and the next operation starts; a new one comes in its
    /// place. The first two are timed.
    /// </summary>
    public (long Complete, long Result) TimeResult()
    {
        var operation = _running.Dequeue();
        var complete = new Wire.UpdateForScheduler
        {
            ExecuteComplete = new Wire.ExecuteComplete { OperationId = operation },
        };
        var result = new Wire.UpdateForScheduler
        {
            ExecuteResult = new Wire.ExecuteResult
            {
                OperationId = operation,
                ExecuteResponse = InstantWorker.EmptyResponse(new Timestamp { Seconds = 1 }),
            },
        };
        var began = Stopwatch.GetTimestamp();
        _engine.Receive(new UpdateReceived(_worker, complete));
        var middle = Stopwatch.GetTimestamp();
        _engine.Receive(new UpdateReceived(_worker, result));
        var end = Stopwatch.GetTimestamp();
        _ = Starts();
        Keep(Submit(Next()));
        return (middle - began, end - middle);
    }

    public void KeepAlive() => _worker.TryHandle(new Wire.UpdateForScheduler
    {
        KeepAliveRequest = new Wire.KeepAliveRequest(),
    });

    private int Starts()
    {
        while (_worker.Outgoing.TryRead(out var update))
        {
            if (update.StartAction is { } start)
                _running.Enqueue(start.OperationId);
        }

        return _running.Count;
    }

    private void Keep(OperationStream stream) => _streams.Add(stream);

    private OperationStream Submit(Submission submission)
    {
        var stream = new OperationStream();
        _engine.Submit(new Submit(submission, stream));
        return stream;
    }

    /// <summary>
    /// Sets differ in a property that no worker declares,
    /// in one whose value it compares, and in a quantity.
    /// </summary>
    private Submission Next()
    {
        var (number, set) = (_number++, _number % _sets);
        var platform = new Reapi.Platform
        {
            Properties =
            {
                new Reapi.Platform.Types.Property { Name = "build-id", Value = $"{set}" },
                new Reapi.Platform.Types.Property { Name = "cpu_arch", Value = set % 10 == 9 ? $"y{set}" : "x" },
                new Reapi.Platform.Types.Property { Name = "cpu_count", Value = $"{1 + (set % 7)}" },
            },
        };
        var digest = Digest.FromHash(SHA256.HashData(BitConverter.GetBytes(number)), 4, DigestFunction.Sha256);
        return new Submission(new ActionKey("main", digest), _rules.ReadAction(platform), 0, null, false, true,
            $"build {set % 3}");
    }
}
