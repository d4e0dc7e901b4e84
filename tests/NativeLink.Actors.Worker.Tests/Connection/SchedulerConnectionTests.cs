using Akka.Actor;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Tests.Operations;
using static NativeLink.Actors.Worker.Operations.ExecutorProtocol;

namespace NativeLink.Actors.Worker.Tests.Connection;

public sealed class SchedulerConnectionTests : ConnectionSpec
{
    [Fact]
    public async Task NL_109_A_keep_alive_leaves_every_half_of_the_endpoint_timeout()
    {
        var stream = await RegisteredAsync();
        // The keep-alive has a thread of its own: its clock starts somewhen after the stream.
        var first = await AdvanceUntilAsync(() => !stream.Silent);
        Assert.InRange(first, TimeSpan.FromSeconds(2.5), TimeSpan.FromSeconds(60));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(Wire.UpdateForScheduler.UpdateOneofCase.KeepAliveRequest,
                (await stream.ReadAsync()).UpdateCase);
            Clock.Advance(TimeSpan.FromSeconds(2.5));
        }
        await stream.ReadAsync();
        Assert.True(stream.Silent);
    }

    [Fact]
    public async Task NL_110_A_first_reply_that_is_no_greeting_costs_the_stream_and_another_is_opened()
    {
        Connect();
        var stream = await Link.NextAsync();
        stream.Start(StartOf("a"));
        await stream.Disposed;
        await AdvanceUntilAsync(() => Link.Connected);
        await AcceptAsync();
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        Assert.Empty(stream.Seen);
    }

    [Fact]
    public async Task NL_110_A_scheduler_that_never_greets_is_left_after_the_endpoint_timeout()
    {
        Connect();
        var stream = await Link.NextAsync();
        await AdvanceUntilAsync(() => stream.Disposed.IsCompleted);
        await AdvanceUntilAsync(() => Link.Connected);
        await AcceptAsync();
    }

    [Fact]
    public async Task NL_104_A_kill_reaches_exactly_its_operation()
    {
        var stream = await RegisteredAsync();
        stream.Start(StartOf("a"));
        var (a, executorA) = await StartedAsync();
        stream.Start(StartOf("b"));
        await StartedAsync();
        stream.Kill("a");
        Assert.Equal(a.Attempt, (await Executors.ExpectMsgAsync<KillAction>()).Id);
        Assert.Equal(executorA, Executors.LastSender);
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
    }

    [Fact]
    public async Task NL_105_A_kill_of_an_unknown_operation_is_answered_by_nothing_and_an_empty_update_is_ignored()
    {
        var stream = await RegisteredAsync();
        stream.Kill("nobody");
        stream.Say(new Wire.UpdateForWorker());
        stream.Say(new Wire.UpdateForWorker { KeepAlive = new Google.Protobuf.WellKnownTypes.Empty() });
        stream.Start(StartOf("a"));
        var (a, executor) = await StartedAsync();
        Finish(executor, a);
        Assert.Equal("a", (await stream.ResultAsync()).OperationId);
        Assert.Single(stream.Seen);
    }

    [Fact]
    public async Task NL_100_NL_101_Completion_and_result_leave_in_order_and_the_instance_is_echoed()
    {
        var stream = await RegisteredAsync();
        stream.Start(StartOf("a", instance: "foo"));
        var (a, executor) = await StartedAsync();
        executor.Tell(new Relay.Say(new ProcessEnded(a.Attempt)));
        Finish(executor, a);
        Assert.Equal("a", (await stream.ReadAsync()).ExecuteComplete.OperationId);
        var result = await stream.ResultAsync();
        Assert.Equal(("foo", "a"), (result.InstanceName, result.OperationId));
        Actions.Complete(result.ExecuteResponse);
    }

    [Fact]
    public async Task NL_113_An_unsupported_digest_function_refuses_this_operation_alone()
    {
        var stream = await RegisteredAsync();
        var start = StartOf("a");
        start.ExecuteRequest.DigestFunction = Reapi.DigestFunction.Types.Value.Md5;
        stream.Start(start);
        var refused = await stream.ResultAsync();
        Assert.Equal((int)Grpc.Core.StatusCode.InvalidArgument, refused.InternalError.Code);
        stream.Start(new Wire.StartExecute { OperationId = "b" });
        Assert.Equal((int)Grpc.Core.StatusCode.InvalidArgument, (await stream.ResultAsync()).InternalError.Code);
        var bad = StartOf("c");
        bad.ExecuteRequest.ActionDigest.Hash = "xyz";
        stream.Start(bad);
        Assert.Equal((int)Grpc.Core.StatusCode.InvalidArgument, (await stream.ResultAsync()).InternalError.Code);
        stream.Start(StartOf("d"));
        await StartedAsync();
    }

    [Fact]
    public async Task NL_009_The_same_operation_sent_again_while_it_runs_is_adopted_and_answered_once()
    {
        var stream = await RegisteredAsync();
        stream.Start(StartOf("a"));
        var (a, executor) = await StartedAsync();
        stream.Start(StartOf("a"));
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        Finish(executor, a);
        await stream.ResultAsync();
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        Assert.Single(stream.Seen);
    }

    [Fact]
    public async Task NL_009_The_id_of_a_running_operation_with_another_action_is_refused_as_existing()
    {
        var stream = await RegisteredAsync();
        stream.Start(StartOf("a"));
        await StartedAsync();
        stream.Start(StartOf("a", action: "another"));
        Assert.Equal((int)Grpc.Core.StatusCode.AlreadyExists, (await stream.ResultAsync()).InternalError.Code);
    }

    [Fact]
    public async Task NL_086_An_operation_that_was_answered_may_come_again()
    {
        var stream = await RegisteredAsync();
        for (var i = 0; i < 2; i++)
        {
            stream.Start(StartOf("a"));
            var (a, executor) = await StartedAsync();
            Finish(executor, a);
            await stream.ResultAsync();
        }
    }

    [Fact]
    public async Task What_comes_above_max_inflight_tasks_waits_and_is_not_refused()
    {
        var stream = await RegisteredAsync(options => options with { MaxInflightTasks = 2 });
        Assert.Equal(2UL, stream.Hello.MaxInflightTasks);
        foreach (var id in new[] { "a", "b", "c" })
            stream.Start(StartOf(id));
        var (a, executor) = await StartedAsync();
        await StartedAsync();
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        Assert.True(stream.Silent);
        Finish(executor, a);
        Assert.Equal("c", (await StartedAsync()).Start.Assignment.Id.Value);
    }

    [Fact]
    public async Task A_kill_of_a_waiting_operation_is_acknowledged_at_once()
    {
        var stream = await RegisteredAsync(options => options with { MaxInflightTasks = 1 });
        stream.Start(StartOf("a"));
        stream.Start(StartOf("b"));
        await StartedAsync();
        stream.Kill("b");
        var result = await stream.ResultAsync();
        Assert.Equal("b", result.OperationId);
        Assert.Equal((int)Grpc.Core.StatusCode.Aborted, result.ExecuteResponse.Status.Code);
        Actions.Complete(result.ExecuteResponse);
    }

    [Fact]
    public async Task An_executor_that_dies_has_its_operation_answered_exactly_once()
    {
        var stream = await RegisteredAsync();
        stream.Start(StartOf("a"));
        var (_, executor) = await StartedAsync();
        await EventFilter.Exception<InvalidOperationException>().ExpectOneAsync(() =>
        {
            executor.Tell(new InvalidOperationException("broken"));
            return Task.CompletedTask;
        });
        var result = await stream.ResultAsync();
        Assert.Equal((int)Grpc.Core.StatusCode.Internal, result.InternalError.Code);
        stream.Start(StartOf("a"));
        await StartedAsync();
        Assert.Single(stream.Seen);
    }

    [Fact]
    public async Task NL_053_NL_097_A_lost_stream_kills_what_runs_waits_for_it_and_reports_nothing_of_it_on_the_next()
    {
        var stream = await RegisteredAsync();
        stream.Start(StartOf("a"));
        var (a, executor) = await StartedAsync();
        stream.End("reset");
        await Executors.ExpectMsgAsync<KillAction>();
        Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.False(Link.Connected);
        executor.Tell(new Relay.Say(new ProcessEnded(a.Attempt)));
        Finish(executor, a, ResultKind.Killed, new Fault(FaultKind.Aborted, "killed"));
        await AdvanceUntilAsync(() => Link.Connected);
        var next = await AcceptAsync("worker-2");
        next.Start(StartOf("b"));
        var (b, second) = await StartedAsync();
        Assert.Equal("worker-2", b.Assignment.Worker.Value);
        Finish(second, b);
        Assert.Equal("b", (await next.ResultAsync()).OperationId);
        Assert.Empty(stream.Seen);
    }

    [Fact]
    public async Task NL_098_An_executor_that_never_ends_holds_up_the_reconnect_for_a_bounded_time()
    {
        var stream = await RegisteredAsync();
        stream.Start(StartOf("a"));
        await StartedAsync();
        stream.End();
        await Executors.ExpectMsgAsync<KillAction>();
        Clock.Advance(TimeSpan.FromSeconds(10));
        await AdvanceUntilAsync(() => Link.Connected);
        await AcceptAsync();
    }

    [Fact]
    public async Task A_disconnect_message_leads_to_a_new_stream()
    {
        var stream = await RegisteredAsync();
        stream.Say(new Wire.UpdateForWorker { Disconnect = new Google.Protobuf.WellKnownTypes.Empty() });
        await stream.Disposed;
        await AdvanceUntilAsync(() => Link.Connected);
        await AcceptAsync();
    }

    [Fact]
    public async Task A_stream_that_takes_no_keep_alive_is_lost()
    {
        var stream = await RegisteredAsync();
        stream.TakesMessages = false;
        await AdvanceUntilAsync(() => stream.Disposed.IsCompleted);
        await AdvanceUntilAsync(() => Link.Connected);
        await AcceptAsync();
    }

    [Fact]
    public async Task A_precondition_that_fails_on_an_idle_worker_is_answered_later_each_time()
    {
        var stream = await RegisteredAsync();
        var waits = new List<TimeSpan>();
        for (var i = 0; i < 4; i++)
        {
            stream.Start(StartOf("a"));
            var (a, executor) = await StartedAsync();
            Watch(executor);
            Finish(executor, a, ResultKind.PreconditionFailed, new Fault(FaultKind.Worker, "no")
            {
                Code = Grpc.Core.StatusCode.ResourceExhausted,
            });
            await ExpectTerminatedAsync(executor);
            waits.Add(await AdvanceUntilAsync(() => stream.Seen.Any(message => message.ExecuteResult is not null)));
            var result = stream.Seen.Last(message => message.ExecuteResult is not null).ExecuteResult;
            Assert.Equal((int)Grpc.Core.StatusCode.ResourceExhausted, result.InternalError.Code);
            stream.Seen.Clear();
        }
        Assert.Equal(waits.Order(), waits);
        Assert.True(waits[0] >= TimeSpan.FromSeconds(0.2) && waits[^1] >= TimeSpan.FromSeconds(1.5),
            string.Join(", ", waits));
    }

    [Fact]
    public async Task NL_111_A_drain_refuses_new_work_finishes_what_runs_and_says_goodbye_last()
    {
        var connection = Connect();
        var stream = await AcceptAsync();
        stream.Start(StartOf("a"));
        var (a, executor) = await StartedAsync();
        connection.Tell(new ConnectionProtocol.Drain(), Pool);
        stream.Start(StartOf("late"));
        var refused = await stream.ResultAsync();
        Assert.Equal(("late", (int)Grpc.Core.StatusCode.ResourceExhausted),
            (refused.OperationId, refused.InternalError.Code));
        await Pool.ExpectNoMsgAsync(TestKits.Shortly);
        Finish(executor, a);
        Assert.Equal("a", (await stream.ResultAsync()).OperationId);
        Assert.Equal(Wire.UpdateForScheduler.UpdateOneofCase.GoingAwayRequest, (await stream.ReadAsync()).UpdateCase);
        await Pool.ExpectMsgAsync(new ConnectionProtocol.Drained(true));
        await stream.Disposed;
        Assert.False(Link.Connected);
    }

    [Fact]
    public async Task A_shutdown_kills_what_runs_and_stops_without_another_stream()
    {
        var connection = Connect();
        Watch(connection);
        var stream = await AcceptAsync();
        stream.Start(StartOf("a"));
        var (a, executor) = await StartedAsync();
        connection.Tell(new ConnectionProtocol.Shutdown());
        await Executors.ExpectMsgAsync<KillAction>();
        Finish(executor, a, ResultKind.Killed, new Fault(FaultKind.Aborted, "killed"));
        await ExpectTerminatedAsync(connection);
        Assert.False(Link.Connected);
        Assert.Empty(stream.Seen);
    }

    [Fact]
    public async Task An_unreachable_scheduler_is_tried_again_with_growing_delays_of_at_most_8_seconds()
    {
        Link.Unreachable = "refused";
        Connect();
        var delays = new List<TimeSpan>();
        for (var i = 0; i < 8; i++)
        {
            await Link.NextAsync();
            delays.Add(await AdvanceUntilAsync(() => Link.Connected));
        }
        // The clock moves on while the actors think: figures are at least what they say, and not far above.
        Assert.InRange(delays[0], TimeSpan.FromSeconds(0.25), TimeSpan.FromSeconds(3));
        Assert.InRange(delays[^1], TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(16));
    }
}
