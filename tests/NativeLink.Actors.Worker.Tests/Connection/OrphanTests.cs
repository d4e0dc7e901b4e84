using Akka.Actor;
using NativeLink.Actors.Testing.Scheduling;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;
using static NativeLink.Actors.Worker.Connection.ConnectionProtocol;
using static NativeLink.Actors.Worker.Operations.ExecutorProtocol;

namespace NativeLink.Actors.Worker.Tests.Connection;

/// <summary>Actions that run on after their stream, and who adopts them.</summary>
public sealed class OrphanTests : ConnectionSpec
{
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(5);

    private IActorRef _connection = ActorRefs.Nobody;

    [Fact]
    public async Task The_same_action_sent_again_is_answered_by_the_run_whose_stream_was_lost()
    {
        var (a, executor, stream) = await OrphanedAsync();
        stream.Start(StartOf("b", instance: "other"));
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        executor.Tell(new Relay.Say(new ProcessEnded(a.Attempt)));
        Assert.Equal("b", (await NextAsync(stream)).ExecuteComplete?.OperationId);
        Finish(executor, a);
        var result = (await NextAsync(stream)).ExecuteResult;
        Assert.Equal(("b", "other"), (result.OperationId, result.InstanceName));
        Assert.NotNull(result.ExecuteResponse);
        Assert.Equal(2, stream.Seen.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_result_that_came_before_the_action_was_sent_again_answers_while_the_CAS_has_all_of_it(bool all)
    {
        var (a, executor, stream) = await OrphanedAsync();
        IsComplete = all;
        Finish(executor, a);
        await GoneAsync(executor);
        stream.Start(StartOf("b"));
        if (!all)
        {
            var (b, second) = await StartedAsync();
            Finish(second, b);
        }
        Assert.Equal("b", (await NextAsync(stream)).ExecuteResult.OperationId);
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
    }

    [Fact]
    public async Task A_client_that_will_have_no_old_result_gets_a_run_of_its_own()
    {
        var (a, executor, stream) = await OrphanedAsync();
        Finish(executor, a);
        await GoneAsync(executor);
        var anew = StartOf("b");
        anew.ExecuteRequest.SkipCacheLookup = true;
        stream.Start(anew);
        Assert.Equal("b", (await StartedAsync()).Start.Attempt.Operation.Value);
    }

    [Theory]
    [InlineData("a", false)]
    [InlineData("b", true)]
    public async Task A_result_that_is_not_to_be_cached_is_its_own_operations_alone(string id, bool runs)
    {
        var (a, executor, stream) = await OrphanedAsync();
        stream.Start(StartOf(id));
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        Finish(executor, a, doNotCache: true);
        if (runs)
        {
            var (b, second) = await StartedAsync();
            Finish(second, b);
        }
        Assert.Equal(id, (await NextAsync(stream)).ExecuteResult.OperationId);
    }

    [Fact]
    public async Task An_orphan_that_fails_for_reasons_of_this_machine_answers_nobody_and_the_action_is_run()
    {
        var (a, executor, stream) = await OrphanedAsync();
        stream.Start(StartOf("b"));
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        Finish(executor, a, ResultKind.Infrastructure, new Fault(FaultKind.Worker, "no disk"));
        var (b, second) = await StartedAsync();
        Finish(second, b);
        var result = (await NextAsync(stream)).ExecuteResult;
        Assert.Equal(("b", true), (result.OperationId, result.ExecuteResponse is not null));
    }

    [Fact]
    public async Task An_orphan_whose_executor_dies_answers_nobody_and_the_action_is_run()
    {
        var (_, executor, stream) = await OrphanedAsync();
        stream.Start(StartOf("b"));
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        executor.Tell(new InvalidOperationException("the test wants it"));
        Assert.Equal("b", (await StartedAsync()).Start.Attempt.Operation.Value);
    }

    [Fact]
    public async Task Nobody_comes_for_an_orphan_and_its_bound_ends_it()
    {
        var (a, executor, _) = await OrphanedAsync();
        Clock.Advance(Bound + TimeSpan.FromSeconds(1));
        Assert.Equal(a.Attempt, (await Executors.ExpectMsgAsync<KillAction>()).Id);
        Finish(executor, a, ResultKind.Killed, new Fault(FaultKind.Aborted, "killed"));
    }

    [Fact]
    public async Task A_kill_of_the_operation_that_adopted_ends_the_orphan_too()
    {
        var (a, _, stream) = await OrphanedAsync();
        stream.Start(StartOf("b"));
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        stream.Kill("b");
        Assert.Equal(a.Attempt, (await Executors.ExpectMsgAsync<KillAction>()).Id);
        Assert.Equal("b", (await NextAsync(stream)).ExecuteResult.OperationId);
    }

    [Fact]
    public async Task An_orphan_keeps_its_slot_and_waits_on_through_further_streams()
    {
        var (a, executor, stream) = await OrphanedAsync();
        for (var i = 0; i < 4; i++)
            stream.Start(StartOf($"x{i}", $"x{i}"));
        for (var i = 0; i < 3; i++)
            await StartedAsync();
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        stream.Start(StartOf("b"));
        stream.End("reset again");
        await AdvanceUntilAsync(() => Link.Connected);
        var third = await AcceptAsync("worker-3");
        third.Start(StartOf("c"));
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        Finish(executor, a);
        Assert.Equal("c", (await NextAsync(third)).ExecuteResult.OperationId);
    }

    [Fact]
    public async Task A_drain_finishes_orphans_although_there_is_no_stream()
    {
        var (a, executor, stream) = await OrphanedAsync();
        Link.Unreachable = "refused";
        stream.End("reset");
        await ExpectPhaseAsync(WorkerPhase.Connecting);
        Watch(_connection);
        _connection.Tell(new Drain(), Pool);
        await ExpectPhaseAsync(WorkerPhase.Draining);
        Finish(executor, a);
        await Pool.FishForMessageAsync(message => message is Drained);
        await ExpectTerminatedAsync(_connection);
    }

    [Fact]
    public async Task A_sibling_adopts_what_runs_here_and_runs_it_itself_when_this_connection_is_gone()
    {
        var (a, executor, _) = await OrphanedAsync();
        var sibling = Connect();
        var stream = await AcceptAsync("sibling-1");
        var action = Assert.Single(Orphans).Action;
        sibling.Tell(new OrphanOfSibling(action, _connection));
        stream.Start(StartOf("b"));
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        Finish(executor, a);
        Assert.Equal("b", (await NextAsync(stream)).ExecuteResult.OperationId);

        stream.Start(StartOf("c"));
        Assert.Equal("c", (await NextAsync(stream)).ExecuteResult.OperationId);
        Watch(_connection);
        _connection.Tell(new Shutdown());
        await ExpectTerminatedAsync(_connection);
        stream.Start(StartOf("d"));
        Assert.Equal("d", (await StartedAsync()).Start.Attempt.Operation.Value);
    }

    [Fact]
    public async Task A_failed_result_that_came_before_answers_nobody_who_asks_later()
    {
        var (a, executor, stream) = await OrphanedAsync();
        Finish(executor, a, ResultKind.ExitedNonZero);
        await GoneAsync(executor);
        stream.Start(StartOf("b"));
        Assert.Equal("b", (await StartedAsync()).Start.Attempt.Operation.Value);
    }

    [Fact]
    public async Task A_shutdown_ends_orphans_too_also_when_there_is_another_stream()
    {
        var (a, executor, _) = await OrphanedAsync();
        Watch(_connection);
        _connection.Tell(new Shutdown());
        Assert.Equal(a.Attempt, (await Executors.ExpectMsgAsync<KillAction>()).Id);
        Finish(executor, a, ResultKind.Killed, new Fault(FaultKind.Aborted, "killed"));
        await ExpectTerminatedAsync(_connection);
    }

    [Fact]
    public async Task Without_a_word_of_it_a_lost_stream_ends_what_ran()
    {
        var stream = await RegisteredAsync();
        stream.Start(StartOf("a"));
        var (a, _) = await StartedAsync();
        stream.End("reset");
        Assert.Equal(a.Attempt, (await Executors.ExpectMsgAsync<KillAction>()).Id);
    }

    /// <summary>An action that runs on after its stream, and the stream after that.</summary>
    private async Task<(Start Start, IActorRef Executor, ScriptedStream Stream)> OrphanedAsync()
    {
        _connection = Connect(options => options with
        {
            OnDisconnect = new DisconnectOptions { Finish = true, Bound = Bound },
        });
        var stream = await AcceptAsync();
        stream.Start(StartOf("a"));
        var (a, executor) = await StartedAsync();
        stream.End("reset");
        await AdvanceUntilAsync(() => Link.Connected);
        return (a, executor, await AcceptAsync("worker-2"));
    }

    private async Task GoneAsync(IActorRef executor)
    {
        Watch(executor);
        await ExpectTerminatedAsync(executor);
    }

    /// <summary>Keep-alives may come between.</summary>
    private static async Task<Wire.UpdateForScheduler> NextAsync(ScriptedStream stream)
    {
        while (true)
        {
            if (await stream.ReadAsync() is { KeepAliveRequest: null } message)
                return message;
        }
    }
}
