using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.LocalCluster.Scheduling.Queueing;
using NativeLink.Actors.LocalCluster.Scheduling.Workers;

namespace NativeLink.Actors.LocalCluster.Tests.Scheduling.Queueing;

/// <summary>What the queue costs, whatever clients and workers choose to send.</summary>
public sealed class QueueCostTests
{
    private const int Many = 20_000;

    private readonly PropertyRules _rules = new(new Dictionary<string, PropertyType>
    {
        ["cpu"] = PropertyType.Minimum,
        ["memory"] = PropertyType.Minimum,
    }.ToImmutableDictionary(StringComparer.Ordinal));

    private int _asked;

    [Fact]
    public void A_client_with_thousands_of_priorities_costs_a_step_no_more_than_one_with_one()
    {
        var few = TimeOfSteps(_ => 0);
        var many = TimeOfSteps(i => i);
        Assert.True(many < (20 * few) + TimeSpan.FromMilliseconds(200),
            $"{few.TotalMilliseconds:F0} ms with one priority, {many.TotalMilliseconds:F0} ms with {Many}");
    }

    [Fact]
    public void Of_needs_that_none_covers_the_other_the_first_that_fits_is_found_without_asking_all()
    {
        var tree = new FirstFit<Item>(Comparer<Item>.Create((x, y) => x.Number.CompareTo(y.Number)));
        for (var i = 0; i < Many; i++)
            tree.Add(new Item(i, Requirements(i % 2 == 0 ? (1UL, 100UL) : (100UL, 1UL)), this));
        var fitting = new Item(Many, Requirements((50, 50)), this);
        tree.Add(fitting);
        Assert.Same(fitting.Operation, tree.PickFor(Worker(50, 60)));
        Assert.InRange(_asked, 1, 50);
        tree.Remove(fitting);
        Assert.Null(tree.PickFor(Worker(50, 60)));
        Assert.InRange(_asked, 0, 50);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(40)]
    public void Whatever_two_quantities_are_asked_for_the_first_that_fits_is_picked(int sizes)
    {
        var random = new Random(sizes);
        var tree = new FirstFit<Item>(Comparer<Item>.Create((x, y) => x.Number.CompareTo(y.Number)));
        var items = new List<Item>();
        for (var step = 0; step < 3000; step++)
        {
            if (items.Count > 0 && random.Next(3) == 0)
            {
                tree.Remove(items[^1]);
                items.RemoveAt(items.Count - 1);
            }
            else
            {
                var item = new Item(step, random.Next(50) == 0
                    ? PlatformRequirements.None
                    : Requirements(((ulong)random.Next(10, 10 + sizes), (ulong)random.Next(10, 10 + sizes))), this);
                tree.Add(item);
                items.Add(item);
            }

            var worker = Worker((ulong)random.Next(5, 12 + sizes), (ulong)random.Next(5, 12 + sizes));
            Assert.Same(items.Find(i => worker.Properties.HasFree(i.Operation.Requirements))?.Operation,
                tree.PickFor(worker));
        }
    }

    [Fact]
    public void A_worker_of_a_new_kind_sees_much_that_waits_bit_by_bit_and_all_of_it_in_the_end()
    {
        var rig = new EngineRig();
        for (var i = 0; i < 4 * OperationQueue.SortedAtOnce; i++)
            rig.Execute($"{i}", properties: $"cpu_arch={(i < 4 * OperationQueue.SortedAtOnce - 1 ? "x" : "new")}");
        var old = rig.Connect(1, "cpu_arch=x");
        Assert.Single(old.Starts);
        var worker = rig.Connect(1, "cpu_arch=new");
        Assert.Empty(worker.Starts);
        rig.Pass(1, old, worker);
        Assert.Single(worker.Starts);
        Assert.False(rig.Engine.FindsMissedMatch());
        old.Answer(old.Starts[0].OperationId);
        Assert.Equal(2, old.Starts.Count);
    }

    [Fact]
    public void Kinds_that_come_one_after_the_other_while_much_is_sorted_find_what_they_can_run()
    {
        var rig = new EngineRig();
        const int Kinds = 50;
        for (var i = 0; i < 3 * OperationQueue.SortedAtOnce; i++)
            rig.Execute($"{i}", properties: $"cpu_arch=k{i % Kinds}");
        var workers = Enumerable.Range(0, Kinds).Select(i => rig.Connect(1, $"cpu_arch=k{i}")).ToArray();
        rig.Pass(2, workers);
        Assert.All(workers, w => Assert.Single(w.Starts));
        Assert.False(rig.Engine.FindsMissedMatch());
        foreach (var worker in workers)
            worker.Answer(worker.Starts[0].OperationId);
        Assert.All(workers, w => Assert.Equal(2, w.Starts.Count));
    }

    private static TimeSpan TimeOfSteps(Func<int, int> priorityOf)
    {
        var rig = new EngineRig(new SchedulerOptions
        {
            SupportedProperties = EngineRig.Types,
            MaxQueuedOperations = 10 * Many,
        });
        var worker = rig.Connect(1);
        for (var i = 0; i < Many; i++)
            rig.ExecuteFor("one", $"{i}", priorityOf(i));
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < 1000; i++)
            worker.Answer(worker.Starts[^1].OperationId);
        return Stopwatch.GetElapsedTime(began);
    }

    private PlatformRequirements Requirements((ulong Cpu, ulong Memory) needs) => _rules.ReadAction(Samples.Properties(
        string.Create(CultureInfo.InvariantCulture, $"cpu={needs.Cpu}"), string.Create(
            CultureInfo.InvariantCulture, $"memory={needs.Memory}")));

    private ConnectedWorker Worker(ulong cpu, ulong memory)
    {
        var properties = _rules.ReadWorker(Samples.Properties(
            string.Create(CultureInfo.InvariantCulture, $"cpu={cpu}"), string.Create(
                CultureInfo.InvariantCulture, $"memory={memory}")).Properties);
        _asked = 0;
        return new ConnectedWorker(new WorkerId("w"), new WorkerLink("w", 0, properties, new FakeTimeProvider()),
            new WorkerKind(properties, 0, 0));
    }

    private sealed class Item(int number, PlatformRequirements requirements, QueueCostTests owner) : IWaiting
    {
        public int Number => number;

        public ScheduledOperation Operation { get; } = new(Guid.NewGuid(),
            new Submission(default, requirements, 0, null, false, false), number,
            new Google.Protobuf.WellKnownTypes.Timestamp());

        public ulong[][]? Needs => requirements.Needs;

        public ScheduledOperation? PickFor(ConnectedWorker worker)
        {
            owner._asked++;
            return worker.CanBegin(Operation) ? Operation : null;
        }
    }
}
