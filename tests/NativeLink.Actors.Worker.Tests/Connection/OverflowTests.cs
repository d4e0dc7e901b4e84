using Akka.Actor;
using NativeLink.Actors.Testing.Scheduling;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Worker.Tests.Connection;

/// <summary>More operations than may wait: each is refused once, after a pause that grows.</summary>
public sealed class OverflowTests : ConnectionSpec
{
    private (ExecutorProtocol.Start Start, IActorRef Executor) _running;

    [Fact]
    public async Task What_is_too_much_is_refused_once_after_a_pause_that_grows()
    {
        var (_, stream) = await OverflowingAsync();
        stream.Start(StartOf("d"));
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        Assert.Empty(stream.Seen);
        await AdvanceUntilAsync(() => stream.Seen.Count == 2);
        Assert.Equal(["d", "e"], Refused(stream));

        stream.Start(StartOf("d"));
        var pause = await AdvanceUntilAsync(() => stream.Seen.Count == 3);
        Assert.InRange(pause, TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(60));
        Assert.Equal(["d", "d", "e"], Refused(stream));
    }

    [Fact]
    public async Task A_kill_of_what_is_to_be_refused_is_answered_at_once()
    {
        var (_, stream) = await OverflowingAsync();
        stream.Kill("e");
        await AwaitConditionAsync(() => Task.FromResult(stream.Seen.Count == 1));
        await AdvanceUntilAsync(() => stream.Seen.Count == 2);
        Assert.Equal(["d", "e"], Refused(stream));
    }

    [Fact]
    public async Task A_drain_refuses_what_is_too_much_and_what_waits_at_once()
    {
        var (connection, stream) = await OverflowingAsync();
        connection.Tell(new ConnectionProtocol.Drain(), Pool);
        await AwaitConditionAsync(() => Task.FromResult(stream.Seen.Count == 4));
        Assert.Equal(["b", "c", "d", "e"], Refused(stream));
    }

    [Fact]
    public async Task What_is_freed_of_the_bound_is_taken_again()
    {
        var (_, stream) = await OverflowingAsync();
        await AdvanceUntilAsync(() => stream.Seen.Count == 2);
        Finish(_running.Executor, _running.Start);
        Assert.Equal("b", (await StartedAsync()).Start.Assignment.Id.Value);
        stream.Start(StartOf("d"));
        await Executors.ExpectNoMsgAsync(TestKits.Shortly);
        Assert.Equal(["d", "e"], Refused(stream));
    }

    /// <summary>One operation runs, two wait, which is the bound, and <c>d</c> and <c>e</c> are too many.</summary>
    private async Task<(IActorRef Connection, ScriptedStream Stream)> OverflowingAsync()
    {
        var connection = Connect(options => options with { MaxInflightTasks = 1 }, mostWaiting: 2);
        var stream = await AcceptAsync();
        foreach (var id in new[] { "a", "b", "c", "d", "e" })
            stream.Start(StartOf(id));
        _running = await StartedAsync();
        return (connection, stream);
    }

    private static string[] Refused(ScriptedStream stream)
    {
        var results = stream.Seen.Where(static message => message.ExecuteResult is { InternalError: not null })
            .Select(static message => message.ExecuteResult).ToList();
        Assert.All(results, static result =>
            Assert.Equal((int)Grpc.Core.StatusCode.ResourceExhausted, result.InternalError.Code));
        return [.. results.Select(static result => result.OperationId).Order()];
    }
}
