using Grpc.Core;
using NativeLink.Actors.LocalCluster.Scheduling;
using Stage = Build.Bazel.Remote.Execution.V2.ExecutionStage.Types.Value;

namespace NativeLink.Actors.LocalCluster.Tests.Scheduling;

/// <summary>Which operation goes to which worker, and in which order (wire contract 3.9).</summary>
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
    public void NL_276_NL_277_NL_278_NL_279_NL_280_NL_281_NL_282_Properties_match_by_their_type(string line, string worker, string action, bool matches)
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
        Assert.Contains("cpu_count", Assert.Throws<FormatException>(() => rules.ReadWorker(platform.Properties)).Message, StringComparison.Ordinal);
        Assert.Contains("cpu_count", Assert.Throws<FormatException>(() => rules.ReadAction(platform)).Message, StringComparison.Ordinal);
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
        Assert.Equal(new[] { "urgent", "soon", "old", "young" }.Select(Hash), worker.Starts.Select(s => s.ExecuteRequest.ActionDigest.Hash));
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
                var busy = workers.Single(w => w.Starts.Count > 0 && Hash($"{i}") == w.Starts[^1].ExecuteRequest.ActionDigest.Hash);
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
