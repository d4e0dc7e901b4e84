using System.Diagnostics;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Scheduling.Queueing;
using Stage = Build.Bazel.Remote.Execution.V2.ExecutionStage.Types.Value;

namespace NativeLink.Actors.LocalCluster.Tests.Scheduling;

/// <summary>Which operation goes to which worker, and in which order (protos/README.md 3.9).</summary>
public sealed class MatchingTests
{
    private readonly EngineRig _rig = new();

    [Theory]
    [InlineData("NL-276", "cpu_count=8", "cpu_count=4", true)]
    [InlineData("NL-276", "cpu_count=8", "cpu_count=8", true)]
    [InlineData("NL-276", "cpu_count=8", "cpu_count=9", false)]
    [InlineData("NL-276", "", "cpu_count=1", false)]
    [InlineData("NL-277", "cpu_arch=x86_64", "cpu_arch=x86_64", true)]
    [InlineData("NL-277", "cpu_arch=x86_64", "cpu_arch=X86_64", false)]
    [InlineData("NL-278", "OSFamily=", "OSFamily=Linux", true)]
    [InlineData("NL-279", "", "OSFamily=Linux", false)]
    [InlineData("NL-280", "", "lane=fast", true)]
    [InlineData("NL-280", "lane=slow", "lane=fast", true)]
    [InlineData("NL-281", "", "unlisted=v", true)]
    [InlineData("NL-281", "unlisted=v", "unlisted=v", true)]
    [InlineData("NL-281", "unlisted=w", "unlisted=v", false)]
    [InlineData("NL-282", "", "cpu_arch=x", false)]
    [InlineData("last value", "cpu_arch=x cpu_arch=y", "cpu_arch=x", false)]
    [InlineData("last value", "cpu_arch=x cpu_arch=y", "cpu_arch=y", true)]
    [InlineData("extra keys", "cpu_arch=x other=o", "", true)]
    public void NL_276_NL_277_NL_278_NL_279_NL_280_NL_281_NL_282_Properties_match_by_their_type(
        string line, string worker, string action, bool matches)
    {
        var connected = _rig.Connect(0, Words(worker));
        var client = _rig.Execute(properties: Words(action));
        Assert.True(matches == (connected.Starts.Count == 1), line);
        Assert.Equal(matches ? Stage.Executing : Stage.Queued, client.Stage);
    }

    [Fact]
    public void NL_233_NL_283_An_operation_waits_for_one_worker_that_satisfies_all_of_it()
    {
        var one = _rig.Connect(0, "cpu_arch=x", "cpu_count=1");
        var other = _rig.Connect(0, "cpu_arch=y", "cpu_count=8");
        var client = _rig.Execute(properties: ["cpu_arch=x", "cpu_count=8"]);
        Assert.Equal(Stage.Queued, client.Stage);
        var both = _rig.Connect(0, "cpu_arch=x", "cpu_count=8");
        Assert.Single(both.Starts);
        Assert.Empty(one.Starts);
        Assert.Empty(other.Starts);
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("-1")]
    [InlineData("")]
    [InlineData("1.5")]
    [InlineData("18446744073709551616")]
    public void NL_275_NL_284_A_minimum_that_is_no_number_is_refused_on_both_sides(string value)
    {
        var rules = new PropertyRules(EngineRig.Types);
        var platform = Samples.Properties($"cpu_count={value}");
        Assert.Contains("cpu_count", Assert.Throws<FormatException>(
            () => rules.ReadWorker(platform.Properties)).Message, StringComparison.Ordinal);
        Assert.Contains("cpu_count", Assert.Throws<FormatException>(() => rules.ReadAction(platform)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void NL_242_A_minimum_is_held_until_the_result()
    {
        var worker = _rig.Connect(0, "cpu_count=1");
        _rig.Execute("a", properties: "cpu_count=1");
        _rig.Execute("b", properties: "cpu_count=1");
        Assert.Single(worker.Starts);
        worker.Answer(worker.Starts[0].OperationId);
        Assert.Equal(2, worker.Starts.Count);
    }

    [Fact]
    public void NL_243_A_completed_process_frees_its_minimum_but_not_its_slot()
    {
        var free = _rig.Connect(0, "cpu_count=1", "cpu_arch=free");
        var bound = _rig.Connect(1, "cpu_count=1", "cpu_arch=bound");
        foreach (var name in new[] { "a", "b" })
        {
            _rig.Execute(name, properties: ["cpu_count=1", "cpu_arch=free"]);
            _rig.Execute(name + name, properties: ["cpu_count=1", "cpu_arch=bound"]);
        }

        free.Complete(free.Starts[0].OperationId);
        bound.Complete(bound.Starts[0].OperationId);
        Assert.Equal(2, free.Starts.Count);
        Assert.Single(bound.Starts);
        free.Complete(free.Starts[0].OperationId);
        _rig.Execute("c", properties: ["cpu_count=1", "cpu_arch=free"]);
        Assert.Equal(2, free.Starts.Count);
        bound.Answer(bound.Starts[0].OperationId);
        Assert.Equal(2, bound.Starts.Count);
    }

    [Fact]
    public void NL_269_No_more_than_max_inflight_until_a_result()
    {
        var worker = _rig.Connect(1);
        _rig.Execute("a");
        _rig.Execute("b");
        Assert.Single(worker.Starts);
        worker.Answer(worker.Starts[0].OperationId);
        Assert.Equal(2, worker.Starts.Count);
    }

    [Fact]
    public void NL_244_Higher_priority_goes_first_then_the_older()
    {
        foreach (var (name, priority) in new[] { ("old", 0), ("urgent", 5), ("young", 0), ("soon", 1) })
            _rig.Execute(name, priority);
        var worker = _rig.Connect(1);
        for (var i = 0; i < 4; i++)
            worker.Answer(worker.Starts[i].OperationId);
        Assert.Equal(new[] { "urgent", "soon", "old", "young" }.Select(Hash),
            worker.Starts.Select(s => s.ExecuteRequest.ActionDigest.Hash));
    }

    [Fact]
    public void An_operation_given_back_keeps_its_place_before_younger_ones()
    {
        var worker = _rig.Connect(1);
        foreach (var name in new[] { "first", "second", "third" })
            _rig.Execute(name);
        worker.Fail(worker.Starts[0].OperationId, StatusCode.Internal);
        Assert.Equal(Hash("first"), worker.Starts[1].ExecuteRequest.ActionDigest.Hash);
    }

    [Fact]
    public void The_least_recently_used_worker_is_first_or_the_most_recently_used_by_option()
    {
        foreach (var mostRecent in new[] { false, true })
        {
            var rig = new EngineRig(new SchedulerOptions { MostRecentlyUsedFirst = mostRecent });
            var workers = new[] { rig.Connect(), rig.Connect(), rig.Connect() };
            for (var i = 0; i < 9; i++)
            {
                rig.Execute($"{i}");
                var busy = workers.Single(w => w.Starts.Count > 0
                    && Hash($"{i}") == w.Starts[^1].ExecuteRequest.ActionDigest.Hash);
                busy.Answer(busy.Starts[^1].OperationId);
            }

            Assert.Equal(mostRecent ? [0, 0, 9] : [3, 3, 3], workers.Select(w => w.Starts.Count).Order());
        }
    }

    [Fact]
    public void NL_252_A_periodic_line_says_why_an_operation_waits()
    {
        var worker = _rig.Connect(0, "cpu_arch=x");
        _rig.Execute(properties: "cpu_arch=y");
        _rig.Pass(25, worker);
        Assert.Equal(2, _rig.Log.Lines.Count(l => l.Contains("1 does not match cpu_arch=y", StringComparison.Ordinal)));
    }

    [Fact]
    public void NL_254_Nothing_is_missed_that_a_periodic_search_would_have_to_find()
    {
        for (var i = 0; i < 50; i++)
            _rig.Execute($"{i}", properties: $"cpu_arch={i % 5}");
        var workers = Enumerable.Range(0, 5).Select(i => _rig.Connect(2, $"cpu_arch={i}")).ToList();
        for (var round = 0; round < 10; round++)
            workers.ForEach(w => w.Starts.Skip(round).Take(1).ToList().ForEach(s => w.Answer(s.OperationId)));
        Assert.Equal(0, _rig.Engine.Queued);
        Assert.All(workers, w => Assert.Equal(10, w.Starts.Count));
    }

    [Fact]
    public void Properties_that_no_worker_tells_apart_make_no_line_of_their_own()
    {
        _rig.Connect(1, "cpu_count=4", "cpu_arch=x", "zone=a");
        for (var i = 0; i < 500; i++)
            _rig.Execute(
                $"{i}", properties: [$"build{i}=x", $"lane={i}", $"cpu_count={i % 9}", $"cpu_arch=y{i}", $"zone=b{i}"]);
        Assert.Equal((1, 1), _rig.Engine.QueueShape);
        for (var i = 0; i < 500; i++)
            _rig.Execute(
                $"fits {i}", properties: [$"build{i}=x", $"lane={i}", $"cpu_count={i % 9}", "cpu_arch=x", "zone=a"]);
        Assert.Equal(2, _rig.Engine.QueueShape.Lines);
    }

    [Fact]
    public void A_worker_of_a_new_kind_takes_what_only_it_can_run_and_a_kind_that_returns_finds_its_line()
    {
        var x = _rig.Connect(1, "cpu_arch=x");
        for (var i = 0; i < 30; i++)
            _rig.Execute($"{i}", properties: $"cpu_arch={"xyz"[i % 3]}");
        Assert.Equal(2, _rig.Engine.QueueShape.Lines);
        var y = _rig.Connect(1, "cpu_arch=y");
        Assert.Single(y.Starts);
        Assert.Equal(3, _rig.Engine.QueueShape.Lines);
        x.Break();
        var back = _rig.Connect(1, "cpu_arch=x");
        Assert.Equal(x.Starts[0].OperationId, Assert.Single(back.Starts).OperationId);
        Assert.Equal(3, _rig.Engine.QueueShape.Lines);
        for (var i = 0; i < 10; i++)
        {
            back.Answer(back.Starts[i].OperationId);
            y.Answer(y.Starts[i].OperationId);
        }

        Assert.Equal(10, _rig.Engine.Queued);
    }

    [Fact]
    public void A_submit_beside_thousands_of_property_sets_takes_no_more_than_twice_as_long_as_beside_one()
    {
        var rigs = new[] { 1, 4_000 }.Select(sets => (Rig: new EngineRig(), Sets: sets, Took: new List<long>()))
            .ToArray();
        foreach (var (rig, sets, _) in rigs)
        {
            rig.Connect(1, "cpu_count=4", "cpu_arch=x");
            for (var i = 0; i < 12_000; i++)
                rig.Execute($"{i}", properties: [$"build-id={i % sets}", $"cpu_arch={(i % sets) % 3}",
                    $"cpu_count={1 + (i % sets % 9)}"]);
        }

        for (var i = 0; i < 4_000; i++)
        {
            foreach (var (rig, sets, took) in rigs)
            {
                var began = Stopwatch.GetTimestamp();
                var client = rig.Execute(
                    $"more {i}", properties: [$"build-id={i % sets}", "cpu_arch=y", "cpu_count=3"]);
                took.Add(Stopwatch.GetTimestamp() - began);
                client.GoAway();
            }
        }

        // The median: whatever else this machine does, it does to few.
        var (one, many) = (rigs[0].Took.Order().ElementAt(2_000), rigs[1].Took.Order().ElementAt(2_000));
        Assert.True(many <= 2 * one, $"{many} ticks beside 4,000 sets, {one} beside one");
    }

    [Fact]
    public void The_first_operation_that_fits_is_found_behind_many_that_do_not()
    {
        var worker = _rig.Connect(0, "cpu_count=4");
        _rig.Execute("holder", properties: "cpu_count=3");
        for (var i = 0; i < 300; i++)
            _rig.Execute($"large {i}", properties: $"cpu_count={2 + (i % 5)}");
        Assert.Single(worker.Starts);
        _rig.Execute("small", properties: "cpu_count=1");
        _rig.Execute("later", properties: "cpu_count=1");
        Assert.Equal(2, worker.Starts.Count);
        worker.Complete(worker.Starts[1].OperationId);
        Assert.Equal(Hash("later"), worker.Starts[2].ExecuteRequest.ActionDigest.Hash);
    }

    [Fact]
    public void Clients_share_the_workers_evenly_whatever_each_has_queued()
    {
        var worker = _rig.Connect(4);
        for (var i = 0; i < 200; i++)
            _rig.ExecuteFor("big", $"big {i}");
        for (var i = 0; i < 30; i++)
            _rig.ExecuteFor("small", $"small {i}");
        for (var i = 0; i < 36; i++)
            worker.Answer(worker.Starts[i].OperationId);
        var small = Enumerable.Range(0, 30).Select(i => Hash($"small {i}")).ToHashSet();
        Assert.Equal(18, worker.Starts.Skip(4).Count(s => small.Contains(s.ExecuteRequest.ActionDigest.Hash)));
        Assert.Equal(40, worker.Starts.Count);
    }

    [Fact]
    public void With_one_slot_clients_take_turns_and_a_joined_operation_takes_the_sooner_turn()
    {
        var worker = _rig.Connect(1);
        for (var i = 0; i < 100; i++)
            _rig.ExecuteFor("big", $"big {i}");
        _rig.ExecuteFor("small", "small");
        _rig.ExecuteFor("small", "big 90");
        for (var i = 0; i < 4; i++)
            worker.Answer(worker.Starts[i].OperationId);
        Assert.Equal(new[] { "big 0", "big 90", "big 1", "small", "big 2" }.Select(Hash),
            worker.Starts.Select(s => s.ExecuteRequest.ActionDigest.Hash));
    }

    [Fact]
    public void A_queue_at_its_limit_refuses_more_with_RESOURCE_EXHAUSTED()
    {
        var rig = new EngineRig(new SchedulerOptions { MaxQueuedOperations = 2 });
        rig.Execute("a");
        rig.Execute("b");
        Assert.Equal(StatusCode.ResourceExhausted, rig.Execute("c").Refused);
        Assert.Null(rig.Execute("a").Refused);
    }

    private static string Hash(string action) => Samples.DigestOf(action).Hash;

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
