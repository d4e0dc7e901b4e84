using Akka.Actor;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;
using static NativeLink.Actors.Worker.Operations.ExecutorProtocol;

namespace NativeLink.Actors.Worker.Tests.Connection;

/// <summary>An operation that comes again: which attempt is killed, runs, and is answered.</summary>
public sealed class AttemptTests : ConnectionSpec
{
    private static readonly Fault Aborted = new(FaultKind.Aborted, "the scheduler killed the operation");

    [Fact]
    public async Task An_operation_sent_again_after_its_kill_is_run_anew_and_that_attempt_alone_is_answered()
    {
        var stream = await RegisteredAsync();
        stream.Start(StartOf("a"));
        var (first, dying) = await StartedAsync();
        stream.Kill("a");
        await Executors.ExpectMsgAsync<KillAction>();
        stream.Start(StartOf("a"));
        var (second, fresh) = await StartedAsync();
        Assert.NotEqual(first.Attempt, second.Attempt);
        dying.Tell(new Relay.Say(new ProcessEnded(first.Attempt)));
        Finish(dying, first, ResultKind.Killed, Aborted);
        fresh.Tell(new Relay.Say(new ProcessEnded(second.Attempt)));
        Finish(fresh, second);
        Assert.Equal("a", (await stream.ReadAsync()).ExecuteComplete.OperationId);
        Assert.Equal(0, (await stream.ResultAsync()).ExecuteResponse.Status?.Code ?? 0);
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        Assert.Equal(2, stream.Seen.Count);
    }

    [Fact]
    public async Task A_second_kill_reaches_the_new_attempt_and_not_the_dying_one()
    {
        var stream = await RegisteredAsync();
        stream.Start(StartOf("a"));
        await StartedAsync();
        stream.Kill("a");
        await Executors.ExpectMsgAsync<KillAction>();
        stream.Start(StartOf("a", action: "another"));
        var (second, fresh) = await StartedAsync();
        stream.Kill("a");
        Assert.Equal(second.Attempt, (await Executors.ExpectMsgAsync<KillAction>()).Id);
        Assert.Equal(fresh, Executors.LastSender);
    }

    [Fact]
    public async Task A_killed_attempt_keeps_its_slot_until_it_has_ended()
    {
        var stream = await RegisteredAsync(options => options with { MaxInflightTasks = 1 });
        stream.Start(StartOf("a"));
        var (first, dying) = await StartedAsync();
        stream.Kill("a");
        await Executors.ExpectMsgAsync<KillAction>();
        stream.Start(StartOf("a"));
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        Finish(dying, first, ResultKind.Killed, Aborted);
        var (second, fresh) = await StartedAsync();
        Finish(fresh, second);
        await stream.ResultAsync();
        Assert.Single(stream.Seen);
    }

    [Fact]
    public async Task A_dying_attempt_that_crashes_is_not_answered_for()
    {
        var stream = await RegisteredAsync();
        stream.Start(StartOf("a"));
        var (_, dying) = await StartedAsync();
        stream.Kill("a");
        await Executors.ExpectMsgAsync<KillAction>();
        stream.Start(StartOf("a"));
        var (second, fresh) = await StartedAsync();
        await EventFilter.Exception<InvalidOperationException>().ExpectOneAsync(() =>
        {
            dying.Tell(new InvalidOperationException("broken"));
            return Task.CompletedTask;
        });
        Finish(fresh, second);
        Assert.NotNull((await stream.ResultAsync()).ExecuteResponse);
        Assert.Single(stream.Seen);
    }

    [Fact]
    public async Task A_start_after_a_kill_is_answered_once_also_when_it_is_refused()
    {
        var connection = Connect();
        var stream = await AcceptAsync();
        stream.Start(StartOf("a"));
        var (first, dying) = await StartedAsync();
        stream.Kill("a");
        await Executors.ExpectMsgAsync<KillAction>();
        connection.Tell(new ConnectionProtocol.Drain(), Pool);
        stream.Start(StartOf("a"));
        Assert.Equal((int)Grpc.Core.StatusCode.ResourceExhausted, (await stream.ResultAsync()).InternalError.Code);
        Finish(dying, first, ResultKind.Killed, Aborted);
        Assert.Equal(Wire.UpdateForScheduler.UpdateOneofCase.GoingAwayRequest, (await stream.ReadAsync()).UpdateCase);
        await Pool.ExpectMsgAsync(new ConnectionProtocol.Drained(true));
    }

    [Fact]
    public async Task A_lost_stream_waits_for_the_dying_attempt_too()
    {
        var stream = await RegisteredAsync();
        stream.Start(StartOf("a"));
        var (first, dying) = await StartedAsync();
        stream.Kill("a");
        await Executors.ExpectMsgAsync<KillAction>();
        stream.Start(StartOf("a"));
        var (second, fresh) = await StartedAsync();
        stream.End("reset");
        await Executors.ExpectMsgAsync<KillAction>();
        await Executors.ExpectMsgAsync<KillAction>();
        Finish(fresh, second, ResultKind.Killed, Aborted);
        Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.False(Link.Connected);
        Finish(dying, first, ResultKind.Killed, Aborted);
        await AdvanceUntilAsync(() => Link.Connected);
        await AcceptAsync("worker-2");
    }
}
