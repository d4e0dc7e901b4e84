using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Tests.Scheduling;

/// <summary>Seeded random lives: whatever workers, clients and clocks do, every client gets one answer and every slot comes back.</summary>
public sealed class RandomLifeTests
{
    private readonly List<RigWorker> _workers = [];
    private readonly List<RigClient> _clients = [];
    private readonly Dictionary<RigWorker, HashSet<string>> _held = [];
    private readonly Dictionary<RigWorker, int> _read = [];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Every_client_gets_exactly_one_answer_and_no_honest_worker_is_evicted(int seed)
    {
        var random = new Random(seed);
        var rig = new EngineRig(new SchedulerOptions { SupportedProperties = EngineRig.Types, RetainCompletedFor = TimeSpan.FromHours(1) });
        for (var step = 0; step < 1500; step++)
            Step(rig, random);
        Calm(rig);
        Assert.Equal(0, rig.Engine.Queued);
        Assert.All(_clients, c => Assert.Single(rig.WaitFor(c.Name).Seen, o => o.Done));
        Assert.All(_clients, c => Assert.True(c.Seen.Count(o => o.Done) <= 1));
        Assert.DoesNotContain(rig.Log.Lines, l => l.Contains("should not be running", StringComparison.Ordinal));
        AssertSlotsAreFree(rig);
    }

    private void Step(EngineRig rig, Random random)
    {
        Listen();
        var worker = _workers.Count == 0 ? null : _workers[random.Next(_workers.Count)];
        var operation = worker is null || _held[worker].Count == 0 ? null : _held[worker].ElementAt(random.Next(_held[worker].Count));
        switch (random.Next(12))
        {
            case 0 when _workers.Count < 4: Connect(rig); break;
            case 1 or 2 or 3: Execute(rig, random); break;
            case 4 when _clients.Count > 0: _clients[random.Next(_clients.Count)].GoAway(); break;
            case 5 when _clients.Count > 0 && random.Next(3) == 0: _clients[random.Next(_clients.Count)].Cancel(); break;
            case 6 when worker is not null && random.Next(10) == 0: Lose(worker); break;
            case 7 when operation is not null: worker!.Complete(operation); break;
            case 8 when operation is not null: Answer(worker!, operation, w => w.Fail(operation, random.Next(2) == 0 ? StatusCode.ResourceExhausted : StatusCode.Internal)); break;
            case 9 or 10 when operation is not null: Answer(worker!, operation, w => w.Answer(operation)); break;
            default: rig.Pass(random.Next(1, 20) / 10.0, [.. _workers]); break;
        }
    }

    private void Connect(EngineRig rig)
    {
        var worker = rig.Connect(2, "cpu_count=2");
        _workers.Add(worker);
        _held[worker] = [];
        _read[worker] = 0;
    }

    private void Execute(EngineRig rig, Random random) => _clients.Add(rig.Execute(
        $"{random.Next(8)}", random.Next(3), random.Next(3) == 0 ? TimeSpan.FromSeconds(3) : null, random.Next(4) == 0, properties: $"cpu_count={random.Next(1, 3)}"));

    private void Answer(RigWorker worker, string operation, Action<RigWorker> say)
    {
        _held[worker].Remove(operation);
        say(worker);
    }

    private void Lose(RigWorker worker)
    {
        worker.Break();
        _workers.Remove(worker);
    }

    /// <summary>Workers take what they are sent; the same operation sent again is adopted, and evicted workers are gone.</summary>
    private void Listen()
    {
        foreach (var worker in _workers.ToList())
        {
            foreach (var start in worker.Starts.Skip(_read[worker]))
                _held[worker].Add(start.OperationId);
            _read[worker] = worker.Starts.Count;
            Assert.True(_held[worker].Count <= 2, "more operations than slots");
            if (worker.IsEvicted)
                _workers.Remove(worker);
        }
    }

    /// <summary>From now on workers answer at once, until nothing is left to do.</summary>
    private void Calm(EngineRig rig)
    {
        Connect(rig);
        for (var round = 0; round < 500; round++)
        {
            Listen();
            foreach (var worker in _workers)
            {
                foreach (var operation in _held[worker].ToList())
                    Answer(worker, operation, w => w.Answer(operation));
            }

            rig.Pass(0.2, [.. _workers]);
        }
    }

    private void AssertSlotsAreFree(EngineRig rig)
    {
        for (var i = 0; i < _workers.Count; i++)
            Assert.Equal(Build.Bazel.Remote.Execution.V2.ExecutionStage.Types.Value.Executing, rig.Execute($"last {i}", properties: "cpu_count=2").Stage);
    }
}
