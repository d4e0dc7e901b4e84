using Akka.Actor;
using NativeLink.Actors.Testing.Scheduling;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;
using static NativeLink.Actors.Worker.Connection.ConnectionProtocol;
using Update = NativeLink.Actors.Protocol.Wire.UpdateForScheduler.UpdateOneofCase;

namespace NativeLink.Actors.Worker.Tests.Connection;

/// <summary>A pause in every state, and what ends it.</summary>
public sealed class PauseTests : ConnectionSpec
{
    [Fact]
    public async Task A_paused_worker_finishes_what_runs_says_goodbye_and_comes_back_when_it_is_resumed()
    {
        var connection = Connect();
        var stream = await AcceptAsync();
        stream.Start(StartOf("a"));
        var (a, executor) = await StartedAsync();
        connection.Tell(new Pause("new disk"), Pool);
        await ExpectPhaseAsync(WorkerPhase.Draining);
        stream.Start(StartOf("b", "other"));
        var refused = await stream.ResultAsync();
        Assert.Equal(("b", (int)Grpc.Core.StatusCode.ResourceExhausted),
            (refused.OperationId, refused.InternalError.Code));
        Assert.Contains("paused", refused.InternalError.Message, StringComparison.Ordinal);
        Assert.Contains("new disk", refused.InternalError.Message, StringComparison.Ordinal);

        Finish(executor, a);
        Assert.Equal("a", (await stream.ResultAsync()).OperationId);
        Assert.Equal(Update.GoingAwayRequest, (await stream.ReadAsync()).UpdateCase);
        await ExpectPhaseAsync(WorkerPhase.Paused);
        Clock.Advance(TimeSpan.FromHours(10));
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        Assert.False(Link.Connected);
        Assert.Equal("new disk", Phases.Last().Reason);

        connection.Tell(new Resume(), Pool);
        await ServesAsync(await AcceptAsync("worker-2"));
    }

    [Fact]
    public async Task A_pause_that_is_taken_back_while_an_action_runs_costs_no_stream()
    {
        var connection = Connect();
        var stream = await AcceptAsync();
        stream.Start(StartOf("a"));
        var (a, executor) = await StartedAsync();
        connection.Tell(new Pause("a moment"), Pool);
        await ExpectPhaseAsync(WorkerPhase.Draining);
        connection.Tell(new Resume(), Pool);
        await ExpectPhaseAsync(WorkerPhase.Serving);
        stream.Start(StartOf("b", "other"));
        var (b, other) = await StartedAsync();
        Finish(executor, a);
        Assert.Equal("a", (await stream.ResultAsync()).OperationId);
        Finish(other, b);
        Assert.Equal("b", (await stream.ResultAsync()).OperationId);
        Assert.DoesNotContain(stream.Seen, message => message.GoingAwayRequest is not null);
    }

    [Fact]
    public async Task A_worker_without_a_scheduler_can_be_paused_and_does_not_try_until_it_is_resumed()
    {
        Link.Unreachable = "refused";
        var connection = Connect();
        await Link.NextAsync();
        await AwaitConditionAsync(() => Task.FromResult(Phases.Any(phase => phase.Reason.Length > 0)));
        connection.Tell(new Pause("night"), Pool);
        await ExpectPhaseAsync(WorkerPhase.Paused);
        Clock.Advance(TimeSpan.FromMinutes(10));
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        Assert.False(Link.Connected);
        Link.Unreachable = null;
        connection.Tell(new Resume(), Pool);
        await ServesAsync(await AcceptAsync());
    }

    [Fact]
    public async Task A_pause_before_the_scheduler_greets_says_goodbye_and_stays()
    {
        var connection = Connect();
        var stream = await Link.NextAsync();
        connection.Tell(new Pause("early"), Pool);
        Assert.Equal(Update.GoingAwayRequest, (await stream.ReadAsync()).UpdateCase);
        await ExpectPhaseAsync(WorkerPhase.Paused);
        connection.Tell(new Resume(), Pool);
        await ServesAsync(await AcceptAsync());
    }

    [Fact]
    public async Task A_pause_outlives_the_stream_and_a_failure_of_the_connection()
    {
        var connection = Connect();
        var stream = await AcceptAsync();
        stream.Start(StartOf("a"));
        var (a, executor) = await StartedAsync();
        connection.Tell(new Pause("disk"), Pool);
        await ExpectPhaseAsync(WorkerPhase.Draining);
        // That of the stream first, then its own.
        stream.Throws = true;
        Finish(executor, a);
        await ExpectPhaseAsync(WorkerPhase.Paused);
        connection.Tell(Kill.Instance);
        await AwaitConditionAsync(() => Task.FromResult(Phases.Any(phase => phase.Phase == WorkerPhase.Ended)));
        await ExpectPhaseAsync(WorkerPhase.Paused);
        Assert.Equal("disk", Phases.Last().Reason);
    }

    [Fact]
    public async Task A_paused_worker_drains_at_once()
    {
        var connection = Connect();
        await AcceptAsync();
        connection.Tell(new Pause("disk"), Pool);
        await ExpectPhaseAsync(WorkerPhase.Paused);
        Watch(connection);
        connection.Tell(new Drain(), Pool);
        await Pool.ExpectMsgAsync(new Drained(true));
        await ExpectTerminatedAsync(connection);
    }

    [Fact]
    public async Task A_drain_of_a_worker_that_is_about_to_pause_ends_it_for_good()
    {
        var connection = Connect();
        var stream = await AcceptAsync();
        stream.Start(StartOf("a"));
        var (a, executor) = await StartedAsync();
        connection.Tell(new Pause("disk"), Pool);
        connection.Tell(new Drain(), Pool);
        connection.Tell(new Resume(), Pool);
        Finish(executor, a);
        await Pool.ExpectMsgAsync(new Drained(true));
        Assert.False(Link.Connected);
    }

    // --- by itself ---

    [Fact]
    public async Task Failures_of_this_machine_in_a_row_pause_the_worker_until_a_trial_action_comes_to_its_end()
    {
        var (stream, fails) = await BreakingAsync(failures: 3);
        for (var i = 0; i < 3; i++)
            await RunAsync(stream, $"a{i}", fails);
        Assert.Equal(Update.GoingAwayRequest, (await stream.ReadAsync()).UpdateCase);
        await ExpectPhaseAsync(WorkerPhase.Paused);
        Assert.Contains("3 actions in a row", Phases.Last().Reason, StringComparison.Ordinal);
        Assert.Contains("the disk is gone", Phases.Last().Reason, StringComparison.Ordinal);

        await AdvanceUntilAsync(() => Executors.HasMessages);
        var (first, failing) = await StartedAsync();
        Assert.Equal(Trial, first.Assignment.Action);
        Finish(failing, first, ResultKind.Infrastructure, fails);
        var pause = await AdvanceUntilAsync(() => Executors.HasMessages);
        Assert.True(pause > TimeSpan.FromSeconds(1), $"tried again after {pause}");
        Assert.False(Link.Connected);

        var (second, working) = await StartedAsync();
        Finish(working, second);
        await ServesAsync(await AcceptAsync());
    }

    [Fact]
    public async Task A_trial_action_that_never_ends_is_given_up_and_so_is_one_that_cannot_be_sent()
    {
        var (stream, fails) = await BreakingAsync(failures: 1);
        await RunAsync(stream, "a", fails);
        await AdvanceUntilAsync(() => Executors.HasMessages);
        var (_, hanging) = await StartedAsync();
        Watch(hanging);
        var sent = 0;
        Probe = null;
        _send = _ =>
        {
            sent++;
            return Task.FromException<Digest>(new FaultException(FaultKind.Storage, "no CAS"));
        };
        await AdvanceUntilAsync(() => sent > 0);
        await ExpectTerminatedAsync(hanging);
        _send = _ => Task.FromResult(Trial);
        await AdvanceUntilAsync(() => Executors.HasMessages);
        var (trial, executor) = await StartedAsync();
        Finish(executor, trial, ResultKind.ExitedNonZero);
        await AcceptAsync();
    }

    [Fact]
    public async Task Failures_with_a_success_between_them_or_over_a_long_time_pause_nobody()
    {
        var (stream, fails) = await BreakingAsync(failures: 2);
        await RunAsync(stream, "a", fails);
        await RunAsync(stream, "b", null);
        await RunAsync(stream, "c", fails);
        Clock.Advance(TimeSpan.FromMinutes(2));
        await RunAsync(stream, "d", fails);
        await ServesAsync(stream);
        Assert.Equal(WorkerPhase.Serving, Phases.Last().Phase);
    }

    [Fact]
    public async Task Who_resumes_a_worker_that_has_paused_itself_needs_no_trial()
    {
        var (stream, fails) = await BreakingAsync(failures: 1);
        await RunAsync(stream, "a", fails);
        await ExpectPhaseAsync(WorkerPhase.Paused);
        _connection.Tell(new Resume(), Pool);
        await ServesAsync(await AcceptAsync());
    }

    private static readonly Digest Trial = Digest.Empty(DigestFunction.Sha256);
    private Func<CancellationToken, Task<Digest>> _send = _ => Task.FromResult(Trial);
    private IActorRef _connection = ActorRefs.Nobody;

    private async Task<(ScriptedStream Stream, Fault Fails)> BreakingAsync(int failures)
    {
        Breaker = new BreakerOptions { Failures = failures, Window = TimeSpan.FromMinutes(1) };
        Probe = cancellation => _send(cancellation);
        _connection = Connect();
        return (await AcceptAsync(), new Fault(FaultKind.Worker, "the disk is gone"));
    }

    private async Task RunAsync(ScriptedStream stream, string id, Fault? fault)
    {
        stream.Start(StartOf(id, id));
        var (start, executor) = await StartedAsync();
        Finish(executor, start, fault is null ? ResultKind.Succeeded : ResultKind.Infrastructure, fault);
        Assert.Equal(id, (await NextResultAsync(stream)).OperationId);
    }

    private async Task ServesAsync(ScriptedStream stream)
    {
        stream.Start(StartOf("last", "last"));
        var (start, executor) = await StartedAsync();
        Finish(executor, start);
        Assert.Equal("last", (await NextResultAsync(stream)).OperationId);
    }

    /// <summary>Keep-alives may come between.</summary>
    private static async Task<Wire.ExecuteResult> NextResultAsync(ScriptedStream stream)
    {
        while (true)
        {
            if ((await stream.ReadAsync()).ExecuteResult is { } result)
                return result;
        }
    }
}
