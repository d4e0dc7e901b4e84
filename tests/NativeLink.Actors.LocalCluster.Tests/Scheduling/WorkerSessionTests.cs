using Grpc.Core;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.LocalCluster.Scheduling.Clients;
using NativeLink.Actors.LocalCluster.Scheduling.Queueing;
using Stage = Build.Bazel.Remote.Execution.V2.ExecutionStage.Types.Value;

namespace NativeLink.Actors.LocalCluster.Tests.Scheduling;

/// <summary>Who is connected, how long, and what a worker may say (protos/README.md 3.2 to 3.8).</summary>
public sealed class WorkerSessionTests
{
    private readonly EngineRig _rig = new();

    [Fact]
    public void NL_229_NL_263_The_first_message_to_a_worker_is_its_id()
    {
        var worker = _rig.Connect();
        Assert.Equal(Wire.UpdateForWorker.UpdateOneofCase.ConnectionResult, worker.Seen[0].UpdateCase);
        Assert.Matches("^w-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", worker.Id);
        Assert.Equal(1, _rig.Engine.Workers);
    }

    [Fact]
    public void NL_230_A_lone_worker_is_sent_the_whole_start()
    {
        var worker = _rig.Connect();
        _rig.Time.Advance(TimeSpan.FromSeconds(1));
        var client = _rig.Execute("a");
        var start = Assert.Single(worker.Starts);
        Assert.Equal("main", start.ExecuteRequest.InstanceName);
        Assert.Equal(Samples.DigestOf("a").ToWire(), start.ExecuteRequest.ActionDigest);
        Assert.Equal(Reapi.DigestFunction.Types.Value.Sha256, start.ExecuteRequest.DigestFunction);
        Assert.False(start.ExecuteRequest.SkipCacheLookup);
        Assert.Null(start.ExecuteRequest.ExecutionPolicy);
        Assert.Null(start.ExecuteRequest.ResultsCachePolicy);
        Assert.Equal(1, start.QueuedTimestamp.Seconds);
        Assert.Equal(worker.Id, start.WorkerId);
        Assert.Empty(start.Platform.Properties);
        Assert.Equal(36, start.OperationId.Length);
        Assert.DoesNotContain(start.OperationId, client.Name, StringComparison.Ordinal);
        Assert.Equal([Stage.Queued, Stage.Executing], client.Stages);
    }

    [Fact]
    public void A_BLAKE3_action_is_sent_with_its_function()
    {
        var worker = _rig.Connect();
        var digest = Digest.FromHash(new byte[Digest.HashLength], 3, DigestFunction.Blake3);
        _rig.Engine.Submit(
            new(new Submission(new ActionKey("main", digest), PlatformRequirements.None, 0, null, false, true),
                new OperationStream()));
        Assert.Equal(Reapi.DigestFunction.Types.Value.Blake3, worker.Starts[0].ExecuteRequest.DigestFunction);
        Assert.Equal(digest.ToWire(), worker.Starts[0].ExecuteRequest.ActionDigest);
    }

    [Fact]
    public void The_platform_of_a_start_is_sorted_by_name()
    {
        var worker = _rig.Connect(0, "cpu_count=8", "cpu_arch=x");
        _rig.Execute(properties: ["cpu_count=2", "cpu_arch=x"]);
        Assert.Equal(["cpu_arch", "cpu_count"], worker.Starts[0].Platform.Properties.Select(p => p.Name));
    }

    [Fact]
    public void NL_231_NL_274_Operations_of_a_lost_worker_go_to_the_next_with_the_same_ids()
    {
        var first = _rig.Connect();
        var clients = new[] { _rig.Execute("a"), _rig.Execute("b") };
        var ids = first.Starts.Select(s => s.OperationId).ToList();
        first.Break();
        Assert.True(first.IsEvicted);
        Assert.All(clients, c => Assert.Equal(Stage.Queued, c.Stage));
        var second = _rig.Connect();
        Assert.Equal(ids, second.Starts.Select(s => s.OperationId));
    }

    [Fact]
    public void NL_232_A_draining_worker_gets_nothing_until_it_is_undrained()
    {
        var worker = _rig.Connect();
        Drain(worker, true);
        _rig.Execute();
        Assert.Empty(worker.Starts);
        Drain(worker, false);
        Assert.Single(worker.Starts);
    }

    [Fact]
    public void NL_235_NL_285_A_worker_whose_stream_is_gone_is_offered_nothing()
    {
        var worker = _rig.Connect();
        worker.Break();
        var client = _rig.Execute();
        Assert.Equal(Stage.Queued, client.Stage);
        Assert.Empty(worker.Starts);
    }

    [Fact]
    public void NL_237_NL_250_NL_264_A_silent_worker_is_evicted_at_its_timeout_and_not_before()
    {
        var silent = _rig.Connect();
        var client = _rig.Execute();
        var alive = _rig.Connect();
        _rig.Pass(4, alive);
        Assert.False(silent.IsEvicted);
        Assert.Equal(Stage.Executing, client.Stage);
        _rig.Pass(1, alive);
        Assert.True(silent.IsEvicted);
        Assert.False(alive.IsEvicted);
        Assert.Equal(silent.Starts[0].OperationId, Assert.Single(alive.Starts).OperationId);
        Assert.Contains(Stage.Queued, client.Stages.Skip(1));
    }

    [Fact]
    public void NL_265_A_keep_alive_just_before_the_timeout_keeps_the_worker()
    {
        var worker = _rig.Connect();
        _rig.Pass(4);
        worker.KeepAlive();
        _rig.Pass(4);
        Assert.False(worker.IsEvicted);
    }

    [Fact]
    public void Results_are_no_sign_of_life()
    {
        var worker = _rig.Connect();
        for (var i = 0; i < 5; i++)
        {
            _rig.Execute($"{i}");
            worker.Answer(worker.Starts[i].OperationId);
            _rig.Pass(1);
        }

        Assert.True(worker.IsEvicted);
    }

    [Fact]
    public void A_keep_alive_counts_from_its_arrival_not_from_when_the_scheduler_comes_to_it()
    {
        var worker = _rig.Connect();
        for (var i = 0; i < 100; i++)
        {
            Assert.True(worker.Link.TryHandle(new Wire.UpdateForScheduler
            {
                KeepAliveRequest = new Wire.KeepAliveRequest(),
            }));
            _rig.Pass(0.1);
        }

        Assert.False(worker.IsEvicted);
        _rig.Pass(6);
        Assert.True(worker.IsEvicted);
    }

    [Fact]
    public void After_the_whole_process_stood_still_a_worker_has_its_full_time_to_be_heard_but_only_once()
    {
        var worker = _rig.Connect();
        _rig.Pass(2, worker);
        _rig.Time.Advance(TimeSpan.FromSeconds(30));
        _rig.Engine.Wake();
        Assert.False(worker.IsEvicted);
        _rig.Pass(4);
        Assert.False(worker.IsEvicted);
        _rig.Pass(2);
        Assert.True(worker.IsEvicted);
        var silent = _rig.Connect();
        for (var i = 0; i < 5; i++)
        {
            _rig.Time.Advance(TimeSpan.FromSeconds(2.5));
            _rig.Engine.Wake();
        }

        Assert.True(silent.IsEvicted);
    }

    [Fact]
    public void NL_266_The_scheduler_itself_sends_no_keep_alive()
    {
        var worker = _rig.Connect();
        _rig.Pass(20, worker);
        Assert.Single(worker.Seen);
    }

    [Fact]
    public void NL_267_Going_away_removes_the_worker_at_once()
    {
        var worker = _rig.Connect();
        worker.Leave();
        Assert.True(worker.IsEvicted);
        Assert.Equal(0, _rig.Engine.Workers);
    }

    [Fact]
    public void NL_271_NL_272_A_second_greeting_and_an_empty_update_are_logged_and_ignored()
    {
        var worker = _rig.Connect();
        worker.Send(new Wire.UpdateForScheduler { ConnectWorkerRequest = new Wire.ConnectWorkerRequest() });
        worker.Send(new Wire.UpdateForScheduler());
        Assert.False(worker.IsEvicted);
        Assert.Equal(2, _rig.Log.Lines.Count(l => l.Contains("ignored", StringComparison.Ordinal)));
    }

    [Fact]
    public void NL_240_A_result_for_another_workers_operation_evicts_the_liar_only()
    {
        var honest = _rig.Connect();
        var client = _rig.Execute();
        var liar = _rig.Connect();
        liar.Answer(honest.Starts[0].OperationId);
        Assert.True(liar.IsEvicted);
        Assert.Contains(_rig.Log.Lines, l => l.Contains("should not be running on it", StringComparison.Ordinal));
        Assert.Equal(Stage.Executing, client.Stage);
        honest.Answer(honest.Starts[0].OperationId);
        Assert.NotNull(client.Response);
    }

    [Fact]
    public void A_second_result_and_an_unknown_completion_evict()
    {
        var twice = _rig.Connect();
        _rig.Execute();
        twice.Answer(twice.Starts[0].OperationId);
        Assert.False(twice.IsEvicted);
        twice.Answer(twice.Starts[0].OperationId);
        Assert.True(twice.IsEvicted);
        var confused = _rig.Connect();
        confused.Complete("no-such-operation");
        Assert.True(confused.IsEvicted);
    }

    [Fact]
    public void What_a_worker_says_after_its_eviction_is_not_heard()
    {
        var worker = _rig.Connect();
        var client = _rig.Execute();
        var operation = worker.Starts[0].OperationId;
        worker.Leave();
        worker.Answer(operation);
        Assert.Null(client.Response);
        Assert.Equal(1, _rig.Engine.Queued);
    }

    [Fact]
    public void A_worker_above_the_limit_is_refused()
    {
        var rig = new EngineRig(new SchedulerOptions { MaxWorkers = 1 });
        rig.Connect();
        var second = rig.Connect();
        Assert.Empty(second.Seen);
        Assert.Equal(StatusCode.ResourceExhausted, Assert.IsType<RpcException>(
            second.Link.Outgoing.Completion.Exception?.InnerException).StatusCode);
    }

    [Fact]
    public void NL_259_A_worker_to_which_nothing_can_be_delivered_is_evicted()
    {
        var rig = new EngineRig(new SchedulerOptions { WorkerTimeout = TimeSpan.FromHours(1) });
        var deaf = rig.Connect();
        var client = rig.Execute("victim");
        while (deaf.Link.TrySend(new Wire.UpdateForWorker()))
        {
            // Until its box is full.
        }

        client.Cancel();
        Assert.Equal(0, rig.Engine.Workers);
        Assert.Contains(rig.Log.Lines, l => l.Contains("could not be delivered", StringComparison.Ordinal));
    }

    private void Drain(RigWorker worker, bool draining)
    {
        var answer = new TaskCompletionSource<bool>();
        _rig.Engine.Drain(new SchedulerProtocol.Drain(new(worker.Id), draining, answer));
        Assert.True(answer.Task.GetAwaiter().GetResult());
    }
}
