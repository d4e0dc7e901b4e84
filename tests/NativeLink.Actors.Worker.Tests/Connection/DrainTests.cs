using NativeLink.Actors.Worker.Connection;

namespace NativeLink.Actors.Worker.Tests.Connection;

/// <summary>A drain, whatever happens to the stream and to the connection meanwhile.</summary>
public sealed class DrainTests : ConnectionSpec
{
    [Fact]
    public async Task A_drain_with_nothing_running_is_complete_although_the_scheduler_never_greets()
    {
        var connection = Connect();
        var stream = await Link.NextAsync();
        connection.Tell(new ConnectionProtocol.Drain(), Pool);
        await AdvanceUntilAsync(() => stream.Disposed.IsCompleted);
        await Pool.ExpectMsgAsync(new ConnectionProtocol.Drained(true));
    }

    [Fact]
    public async Task A_drain_with_nothing_running_is_complete_although_the_stream_breaks_before_the_greeting()
    {
        var connection = Connect();
        var stream = await Link.NextAsync();
        connection.Tell(new ConnectionProtocol.Drain(), Pool);
        stream.End("reset");
        await Pool.ExpectMsgAsync(new ConnectionProtocol.Drained(true));
    }

    [Fact]
    public async Task A_drain_before_the_scheduler_was_heard_says_goodbye_and_refuses_what_was_assigned_meanwhile()
    {
        var connection = Connect();
        var stream = await Link.NextAsync();
        stream.HoldsGoingAway = true;
        connection.Tell(new ConnectionProtocol.Drain(), Pool);
        Assert.Equal(Wire.UpdateForScheduler.UpdateOneofCase.GoingAwayRequest, (await stream.ReadAsync()).UpdateCase);
        stream.Greet();
        stream.Start(StartOf("a"));
        var refused = await stream.ResultAsync();
        Assert.Equal(("a", (int)Grpc.Core.StatusCode.ResourceExhausted),
            (refused.OperationId, refused.InternalError.Code));
        stream.HoldsGoingAway = false;
        await Pool.ExpectMsgAsync(new ConnectionProtocol.Drained(true));
    }

    [Fact]
    public async Task A_drain_with_nothing_running_is_complete_although_the_goodbye_cannot_be_said()
    {
        var connection = Connect();
        var stream = await AcceptAsync();
        stream.TakesMessages = false;
        connection.Tell(new ConnectionProtocol.Drain(), Pool);
        await Pool.ExpectMsgAsync(new ConnectionProtocol.Drained(true));
    }

    [Fact]
    public async Task A_drain_is_not_complete_when_the_stream_breaks_while_an_action_runs()
    {
        var connection = Connect();
        var stream = await AcceptAsync();
        stream.Start(StartOf("a"));
        var (a, executor) = await StartedAsync();
        connection.Tell(new ConnectionProtocol.Drain(), Pool);
        stream.End("reset");
        Finish(executor, a);
        await Pool.ExpectMsgAsync(new ConnectionProtocol.Drained(false));
    }

    [Fact]
    public async Task A_connection_that_fails_in_a_drain_stays_in_it()
    {
        var connection = Connect();
        Watch(connection);
        var stream = await AcceptAsync();
        stream.Start(StartOf("a"));
        var (a, executor) = await StartedAsync();
        connection.Tell(new ConnectionProtocol.Drain(), Pool);
        stream.Throws = true;
        Finish(executor, a);
        await Pool.ExpectMsgAsync(new ConnectionProtocol.Drained(false), TimeSpan.FromSeconds(20));
        await ExpectTerminatedAsync(connection, TimeSpan.FromSeconds(20));
        Assert.False(Link.Connected);
    }

    [Fact]
    public async Task A_drain_is_complete_when_the_goodbye_is_heard_of_before_the_result_that_left_before_it()
    {
        var connection = Connect();
        var stream = await AcceptAsync();
        stream.Start(StartOf("a"));
        var (a, executor) = await StartedAsync();
        stream.HoldsResults = true;
        connection.Tell(new ConnectionProtocol.Drain(), Pool);
        Finish(executor, a);
        await Pool.ExpectMsgAsync(new ConnectionProtocol.Drained(true));
        Assert.Single(stream.Seen, message => message.ExecuteResult is not null);
    }

    [Fact]
    public async Task A_drain_is_complete_although_what_came_after_the_goodbye_was_not_answered_any_more()
    {
        var connection = Connect();
        var stream = await AcceptAsync();
        (stream.HoldsGoingAway, stream.HoldsResults) = (true, true);
        connection.Tell(new ConnectionProtocol.Drain(), Pool);
        Assert.NotNull((await stream.ReadAsync()).GoingAwayRequest);
        stream.Start(StartOf("late"));
        await stream.ResultAsync();
        stream.HoldsGoingAway = false;
        await Pool.ExpectMsgAsync(new ConnectionProtocol.Drained(true));
    }
}
