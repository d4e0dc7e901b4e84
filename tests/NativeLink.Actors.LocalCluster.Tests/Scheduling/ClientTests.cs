using Grpc.Core;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.LocalCluster.Scheduling.Clients;
using NativeLink.Actors.LocalCluster.Scheduling.Queueing;
using Stage = Build.Bazel.Remote.Execution.V2.ExecutionStage.Types.Value;

namespace NativeLink.Actors.LocalCluster.Tests.Scheduling;

/// <summary>What clients are told: joining, results, waiting, cancelling (protos/README.md 3.7 and 6).</summary>
public sealed class ClientTests
{
    private readonly EngineRig _rig = new();

    [Fact]
    public void NL_234_Equal_actions_are_joined_and_each_client_has_its_own_name()
    {
        var worker = _rig.Connect();
        var clients = new[] { _rig.Execute(), _rig.Execute() };
        var start = Assert.Single(worker.Starts);
        Assert.All(clients, c => Assert.Equal(Stage.Executing, c.Stage));
        Assert.NotEqual(clients[0].Name, clients[1].Name);
        worker.Answer(start.OperationId, Samples.FullResponse(4));
        Assert.All(clients, c => Assert.Equal(4, c.Response!.Result.ExitCode));
    }

    [Fact]
    public void Requests_that_skip_the_cache_and_actions_not_to_be_cached_are_not_joined()
    {
        var worker = _rig.Connect();
        _rig.Execute(skipCache: true);
        _rig.Execute(skipCache: true);
        _rig.Execute(joinable: false);
        _rig.Execute();
        Assert.Equal(4, worker.Starts.Count);
        Assert.Equal([true, true, false, false], worker.Starts.Select(s => s.ExecuteRequest.SkipCacheLookup));
    }

    [Fact]
    public void A_more_urgent_client_that_joins_moves_the_operation_forward()
    {
        _rig.Execute("first");
        _rig.Execute("shared");
        _rig.Execute("shared", priority: 3);
        var worker = _rig.Connect(1);
        Assert.Equal(Samples.DigestOf("shared").Hash, worker.Starts[0].ExecuteRequest.ActionDigest.Hash);
    }

    [Fact]
    public void NL_239_A_client_that_comes_back_after_the_end_still_gets_the_result_for_a_while()
    {
        var worker = _rig.Connect();
        var client = _rig.Execute();
        var name = client.Name;
        client.GoAway();
        worker.Answer(worker.Starts[0].OperationId, Samples.FullResponse(7));
        Assert.Equal(7, _rig.WaitFor(name).Response!.Result.ExitCode);
        _rig.Pass(59);
        Assert.Equal(7, _rig.WaitFor(name).Response!.Result.ExitCode);
        _rig.Pass(2);
        Assert.Equal(StatusCode.NotFound, _rig.WaitFor(name).Refused);
    }

    [Fact]
    public void NL_241_A_finished_action_asked_for_again_runs_again()
    {
        var worker = _rig.Connect();
        _rig.Execute();
        worker.Answer(worker.Starts[0].OperationId);
        _rig.Execute();
        Assert.Equal(2, worker.Starts.Count);
        Assert.NotEqual(worker.Starts[0].OperationId, worker.Starts[1].OperationId);
    }

    [Fact]
    public void NL_251_NL_253_The_late_end_of_an_old_client_does_not_touch_the_replacement()
    {
        var worker = _rig.Connect();
        var old = _rig.Execute();
        old.GoAway();
        _rig.Pass(16, worker);
        Assert.Equal((int)StatusCode.DeadlineExceeded, _rig.WaitFor(old.Name).Response!.Status.Code);
        var fresh = _rig.Execute();
        old.GoAway();
        _rig.Pass(30, worker);
        Assert.Equal(2, worker.Starts.Count);
        worker.Answer(worker.Starts[1].OperationId);
        Assert.Equal(0, fresh.Response!.Status.Code);
    }

    [Fact]
    public void NL_293_The_id_is_what_follows_the_last_slash_of_a_name()
    {
        var client = _rig.Execute();
        Assert.StartsWith("main/", client.Name, StringComparison.Ordinal);
        Assert.Null(_rig.WaitFor($"a/b/{client.Name}").Refused);
        Assert.Equal(StatusCode.NotFound, _rig.WaitFor($"{client.Name}/x").Refused);
    }

    [Fact]
    public void Cancelling_ends_a_waiting_operation_for_good()
    {
        var client = _rig.Execute();
        Assert.True(client.Cancel());
        Assert.Equal((int)StatusCode.Cancelled, client.Response!.Status.Code);
        Assert.Empty(_rig.Connect().Starts);
        Assert.True(client.Cancel());
    }

    [Fact]
    public void Cancelling_a_joined_operation_leaves_it_to_the_other_client()
    {
        var worker = _rig.Connect();
        var (one, other) = (_rig.Execute(), _rig.Execute());
        one.Cancel();
        Assert.Equal((int)StatusCode.Cancelled, one.Response!.Status.Code);
        Assert.Empty(worker.Kills);
        Assert.Null(other.Response);
        other.Cancel();
        Assert.Single(worker.Kills);
        Assert.NotNull(other.Response);
    }

    [Fact]
    public void A_cancelled_client_does_not_keep_the_operation_of_a_client_that_left()
    {
        var worker = _rig.Connect();
        var (one, other) = (_rig.Execute(), _rig.Execute());
        other.GoAway();
        one.Cancel();
        _rig.Pass(25, worker);
        Assert.Single(worker.Kills);
    }

    [Fact]
    public void What_nobody_waits_for_is_not_started_until_somebody_subscribes_again()
    {
        var clients = Enumerable.Range(0, 20).Select(i => _rig.Execute($"{i}")).ToList();
        clients.ForEach(c => c.GoAway());
        var worker = _rig.Connect(1);
        Assert.Empty(worker.Starts);
        Assert.Equal(Stage.Executing, _rig.Execute("new").Stage);
        worker.Answer(worker.Starts[0].OperationId);
        Assert.Single(worker.Starts);
        _rig.Pass(14, worker);
        var back = _rig.WaitFor(clients[3].Name);
        Assert.Equal(Stage.Executing, back.Stage);
        var joined = _rig.Execute("7");
        worker.Answer(worker.Starts[1].OperationId);
        Assert.Equal(Stage.Executing, joined.Stage);
        _rig.Pass(2, worker);
        Assert.Equal((int)StatusCode.DeadlineExceeded, _rig.WaitFor(clients[4].Name).Response!.Status.Code);
    }

    [Fact]
    public void An_operation_given_back_while_nobody_subscribes_is_not_started_again()
    {
        var (worker, client) = (_rig.Connect(), _rig.Execute());
        client.GoAway();
        worker.Fail(worker.Starts[0].OperationId, StatusCode.Internal);
        Assert.Single(worker.Starts);
        Assert.Equal(Stage.Executing, _rig.WaitFor(client.Name).Stage);
        Assert.Equal(2, worker.Starts.Count);
    }

    [Fact]
    public void A_client_that_is_gone_before_its_call_is_received_starts_nothing()
    {
        var worker = _rig.Connect();
        var stream = new OperationStream();
        stream.Abandon();
        _rig.Engine.Submit(
            new(new Submission(new ActionKey("main", Samples.DigestOf("a")), PlatformRequirements.None, 0, null, false,
                true), stream));
        Assert.Empty(worker.Starts);
    }

    [Fact]
    public void What_waits_for_streams_that_have_all_ended_is_not_started_though_nobody_has_said_so_yet()
    {
        var worker = _rig.Connect(1);
        _rig.Execute("runs");
        RigClient[] gone = [_rig.Execute("joined"), _rig.Execute("joined")];
        _rig.Execute("next");
        foreach (var client in gone)
            client.Stream.Abandon();
        worker.Answer(worker.Starts[0].OperationId);
        Assert.Equal(Samples.DigestOf("next").Hash, worker.Starts[^1].ExecuteRequest.ActionDigest.Hash);
        // One of them comes back: it goes on as if nothing had been.
        var back = _rig.WaitFor(gone[1].Name);
        foreach (var client in gone)
            client.GoAway();
        worker.Answer(worker.Starts[^1].OperationId);
        Assert.Equal(Stage.Executing, back.Stage);
    }

    [Fact]
    public void One_of_two_joined_clients_that_leaves_takes_nothing_from_the_other()
    {
        var worker = _rig.Connect(1);
        _rig.Execute("runs");
        var (gone, stays) = (_rig.Execute("joined"), _rig.Execute("joined"));
        gone.Stream.Abandon();
        gone.GoAway();
        _rig.Pass(20, worker);
        worker.Answer(worker.Starts[0].OperationId);
        Assert.Equal(Stage.Executing, stays.Stage);
    }

    [Fact]
    public void The_late_result_of_what_a_drain_turned_away_is_told_to_nobody()
    {
        var rig = new EngineRig(new SchedulerOptions
        {
            SupportedProperties = EngineRig.Types,
            MaxActionExecutingTimeout = TimeSpan.FromSeconds(2),
            MaxQueuedOperations = 1,
        });
        var worker = rig.Connect(1);
        rig.Execute();
        rig.Engine.BeginDrain();
        rig.Pass(3, worker);
        worker.Answer(worker.Starts[0].OperationId);
        rig.Pass(120, worker);
        Assert.Equal(0, rig.Engine.UnfinishedNames);
    }

    [Fact]
    public void A_stream_on_a_cancelled_name_does_not_keep_the_operation_that_nobody_waits_for()
    {
        var worker = _rig.Connect();
        var (one, other) = (_rig.Execute(), _rig.Execute());
        one.Cancel();
        other.GoAway();
        Assert.Equal((int)StatusCode.Cancelled, _rig.WaitFor(one.Name).Response!.Status.Code);
        _rig.Pass(15.1, worker);
        Assert.Single(worker.Kills);
        Assert.Equal((int)StatusCode.DeadlineExceeded, _rig.WaitFor(other.Name).Response!.Status.Code);
    }

    [Fact]
    public void In_a_drain_new_calls_and_what_waits_are_turned_away_and_what_runs_is_finished()
    {
        var worker = _rig.Connect(1);
        var (running, waiting, gone) = (_rig.Execute("a"), _rig.Execute("b"), _rig.Execute("d"));
        gone.GoAway();
        _rig.Engine.BeginDrain();
        Assert.Equal(StatusCode.Unavailable, Assert.IsType<RpcException>(Ended(_rig.WaitFor(gone.Name))).StatusCode);
        Assert.Equal(StatusCode.Unavailable, _rig.Execute("a").Refused);
        Assert.Equal(StatusCode.Unavailable, _rig.Execute("c").Refused);
        Assert.Equal(StatusCode.Unavailable, Assert.IsType<RpcException>(Ended(waiting)).StatusCode);
        Assert.Equal(StatusCode.NotFound, _rig.WaitFor(waiting.Name).Refused);
        worker.Answer(worker.Starts[0].OperationId);
        Assert.Equal(0, running.Response!.Status.Code);
        Assert.Single(worker.Starts);
    }

    [Fact]
    public void What_is_remembered_of_finished_operations_is_bounded_and_refuses_nobody()
    {
        var worker = _rig.Connect();
        var first = _rig.Execute("0");
        worker.Answer(worker.Starts[0].OperationId);
        for (var i = 1; i <= 10_000; i++)
            _rig.Engine.CompleteFromCache(
                new(new Submission(new ActionKey("main", Samples.DigestOf("a")), PlatformRequirements.None, 0, null,
                    false, true), new Reapi.ActionResult(), new OperationStream()));
        Assert.Equal(StatusCode.NotFound, _rig.WaitFor(first.Name).Refused);
        Assert.Null(_rig.Execute("after").Refused);
    }

    [Fact]
    public void At_shutdown_workers_are_disconnected_and_clients_told_to_try_elsewhere()
    {
        var worker = _rig.Connect();
        var client = _rig.Execute();
        _rig.Engine.Stop(StatusCode.Unavailable, "bye");
        Assert.True(worker.IsEvicted);
        Assert.Equal(2, client.Seen.Count);
        Assert.Equal(StatusCode.Unavailable, Assert.IsType<RpcException>(
            client.Stream.Updates.Completion.Exception?.InnerException).StatusCode);
        Assert.Equal(StatusCode.Unavailable, _rig.Execute("b").Refused);
        Assert.Empty(_rig.Connect().Seen);
    }

    private static Exception? Ended(RigClient client)
    {
        _ = client.Seen;
        return client.Stream.Updates.Completion.Exception?.InnerException;
    }
}
