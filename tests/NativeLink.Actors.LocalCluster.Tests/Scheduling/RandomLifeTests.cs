using System.Globalization;
using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Tests.Scheduling;

/// <summary>
/// Seeded random lives: whatever workers, clients and clocks
/// do, every client gets one answer and every slot comes back.
/// </summary>
public sealed class RandomLifeTests
{
    private readonly List<RigWorker> _workers = [];
    private readonly List<RigClient> _clients = [];
    private readonly Dictionary<RigWorker, HashSet<string>> _held = [];
    private readonly Dictionary<RigWorker, int> _read = [];

    /// <summary>Those of every run; NLA_TEST_SEED names another one instead.</summary>
    public static TheoryData<int> Seeds => Environment.GetEnvironmentVariable("NLA_TEST_SEED") is { } seed
        ? [int.Parse(seed, CultureInfo.InvariantCulture)]
        : [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_client_gets_one_answer_no_worker_idles_beside_work_and_no_honest_one_is_evicted(int seed)
    {
        var random = new Random(seed);
        var rig = new EngineRig(new SchedulerOptions
        {
            SupportedProperties = EngineRig.Types,
            RetainCompletedFor = TimeSpan.FromHours(1),
        });
        for (var step = 0; step < 1500; step++)
        {
            Step(rig, random);
            Assert.False(
                rig.Engine.FindsMissedMatch(), $"seed {seed}, step {step}: something waits that a worker could take");
        }

        Calm(rig);
        Assert.Equal(0, rig.Engine.Queued);
        Assert.All(_clients, c => Assert.Single(rig.WaitFor(c.Name).Seen, o => o.Done));
        Assert.All(_clients, c => Assert.True(c.Seen.Count(o => o.Done) <= 1));
        Assert.DoesNotContain(rig.Log.Lines, l => l.Contains("should not be running", StringComparison.Ordinal));
        Assert.Equal((0, 0), rig.Engine.QueueShape);
        AssertSlotsAreFree(rig);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Clients_with_enough_to_do_have_equally_many_slots_in_whatever_order_work_ends(int seed)
    {
        var (random, rig) = (new Random(seed), new EngineRig());
        string[] owners = ["a", "b", "c"];
        var ownerOf = new Dictionary<string, string>();
        for (var i = 0; i < 900; i++)
        {
            // The first has everything queued before the others come.
            var owner = i < 300 ? owners[0] : owners[random.Next(1, 3)];
            ownerOf[Samples.DigestOf($"{i}").Hash] = owner;
            rig.ExecuteFor(owner, $"{i}", properties: $"build{random.Next(40)}={random.Next(40)}");
        }

        Connect(rig, "cpu_arch=x", 6);
        Connect(rig, "cpu_arch=y", 6);
        for (var round = 0; round < 400; round++)
        {
            ReadUpdates();
            var worker = _workers[random.Next(2)];
            var operation = _held[worker].ElementAt(random.Next(_held[worker].Count));
            Answer(worker, operation, w => w.Answer(operation));
            ReadUpdates();
            var held = _workers.SelectMany(w => w.Starts.Where(s => _held[w].Contains(s.OperationId)))
                .Select(s => ownerOf[s.ExecuteRequest.ActionDigest.Hash]).ToList();
            if (round > 24)
                Assert.All(
                    owners, o => Assert.True(held.Count(h => h == o) is >= 3 and <= 5,
                        $"seed {seed}, round {round}: {string.Join(' ', held.Order())}"));
        }
    }

    private void Step(EngineRig rig, Random random)
    {
        ReadUpdates();
        var worker = _workers.Count == 0 ? null : _workers[random.Next(_workers.Count)];
        var operation = worker is null || _held[worker].Count == 0
            ? null
            : _held[worker].ElementAt(random.Next(_held[worker].Count));
        switch (random.Next(13))
        {
            case 0 when _workers.Count < 4: Connect(rig, random.Next(2) == 0 ? "cpu_arch=x" : "cpu_arch=y"); break;
            case 1 or 2 or 3: Execute(rig, random); break;
            case 4 when _clients.Count > 0: Leave(random); break;
            case 11 when _clients.Count > 0: Return(rig, random); break;
            case 5 when _clients.Count > 0
                && random.Next(3) == 0:
                _clients[random.Next(_clients.Count)].Cancel(); break;
            case 6 when worker is not null && random.Next(10) == 0: Disconnect(worker); break;
            case 7 when operation is not null: worker!.Complete(operation); break;
            case 8 when operation is not null:
                Answer(worker!, operation,
                w => w.Fail(operation, random.Next(2) == 0
                    ? StatusCode.ResourceExhausted
                    : StatusCode.Internal)); break;
            case 9 or 10 when operation is not null: Answer(worker!, operation, w => w.Answer(operation)); break;
            default: rig.Pass(random.Next(1, 20) / 10.0, [.. _workers]); break;
        }
    }

    private void Connect(EngineRig rig, string kind, int slots = 2)
    {
        var worker = rig.Connect((ulong)slots, $"cpu_count={slots}", kind);
        _workers.Add(worker);
        _held[worker] = [];
        _read[worker] = 0;
    }

    private void Execute(EngineRig rig, Random random)
    {
        var properties = new List<string> { $"cpu_count={random.Next(1, 3)}", $"build{random.Next(50)}=z" };
        if (random.Next(2) == 0)
            properties.Add(random.Next(2) == 0 ? "cpu_arch=x" : "cpu_arch=y");
        TimeSpan? timeout = random.Next(3) == 0 ? TimeSpan.FromSeconds(3) : null;
        _clients.Add(rig.ExecuteFor($"client {random.Next(3)}", $"{random.Next(8)}", random.Next(3), timeout,
            random.Next(4) != 0, [.. properties]));
    }

    /// <summary>One client, or all of a build.</summary>
    private void Leave(Random random)
    {
        var first = random.Next(_clients.Count);
        var count = random.Next(5) == 0 ? 8 : 1;
        foreach (var client in _clients.Skip(first).Take(count))
            client.GoAway();
    }

    private void Return(EngineRig rig, Random random)
    {
        var name = _clients[random.Next(_clients.Count)].Name;
        var back = rig.WaitFor(name);
        if (back.Refused is null && random.Next(2) == 0)
            back.GoAway();
    }

    private void Answer(RigWorker worker, string operation, Action<RigWorker> say)
    {
        _held[worker].Remove(operation);
        say(worker);
    }

    private void Disconnect(RigWorker worker)
    {
        worker.Break();
        _workers.Remove(worker);
    }

    /// <summary>
    /// Workers take what they are sent; the same operation
    /// sent again is adopted, and evicted workers are gone.
    /// </summary>
    private void ReadUpdates()
    {
        foreach (var worker in _workers.ToList())
        {
            foreach (var start in worker.Starts.Skip(_read[worker]))
                _held[worker].Add(start.OperationId);
            _read[worker] = worker.Starts.Count;
            Assert.True((ulong)_held[worker].Count <= worker.Link.MaxInflight, "more operations than slots");
            if (worker.IsEvicted)
                _workers.Remove(worker);
        }
    }

    /// <summary>From now on workers answer at once, until nothing is left to do.</summary>
    private void Calm(EngineRig rig)
    {
        Connect(rig, "cpu_arch=x");
        Connect(rig, "cpu_arch=y");
        for (var round = 0; round < 500; round++)
        {
            ReadUpdates();
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
            Assert.Equal(Build.Bazel.Remote.Execution.V2.ExecutionStage.Types.Value.Executing,
                rig.Execute($"last {i}", properties: "cpu_count=2").Stage);
    }
}
