using System.Threading.Channels;
using Grpc.Net.Client;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Testing.Scheduling;
using NativeLink.Actors.Worker.Connection.WorkerApi;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Worker.Tests.Connection;

/// <summary>The link against a real gRPC server on a free port.</summary>
public sealed class GrpcSchedulerLinkTests : IAsyncLifetime
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private ScriptedScheduler _scheduler = null!;

    public async Task InitializeAsync() => _scheduler = await ScriptedScheduler.StartAsync(listens: true);

    public async Task DisposeAsync() => await _scheduler.DisposeAsync();

    private GrpcSchedulerLink Link(Uri? address = null) => new(
        new GrpcEndpointOptions(address ?? _scheduler.Address), endpoint => GrpcChannel.ForAddress(endpoint.Address));

    [Fact]
    public async Task The_hello_leaves_at_once_messages_keep_their_order_and_the_servers_end_is_heard_once()
    {
        var updates = Channel.CreateUnbounded<SchedulerMessage>();
        var ended = new TaskCompletionSource<Fault?>();
        await using var session = await Link().ConnectAsync(
            new Registration("east-", 0, []), update => updates.Writer.TryWrite(update), ended.SetResult,
            CancellationToken.None);
        var greeting = await updates.Reader.ReadAsync().AsTask().WaitAsync(Bound);
        Assert.Equal(new RegistrationAccepted(new WorkerId("scripted-1")), greeting);
        Assert.Equal("east-", (await _scheduler.NextAsync()).Hello.WorkerIdPrefix);
        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => session.SendAsync(
            new ExecutionCompleted(new OperationId($"{i}")), CancellationToken.None)));
        for (var i = 0; i < 100; i++)
            Assert.Equal($"{i}", (await _scheduler.HearAsync()).ExecuteComplete.OperationId);
        await session.SendAsync(new GoingAway(), CancellationToken.None);
        Assert.Null(await ended.Task.WaitAsync(Bound));
        await Assert.ThrowsAsync<FaultException>(
            () => session.SendAsync(new KeepAliveSignal(), CancellationToken.None));
    }

    [Fact]
    public async Task What_was_sent_before_the_goodbye_is_read_before_the_stream_ends()
    {
        var session = await Link().ConnectAsync(new Registration("", 0, []), _ => { }, _ => { },
            CancellationToken.None);
        var sending = Enumerable.Range(0, 50).Select(i => session.SendAsync(
            new ExecutionCompleted(new OperationId($"{i}")), CancellationToken.None)).ToList();
        await session.DisposeAsync();
        await Task.WhenAll(sending);
        for (var i = 0; i < 50; i++)
            Assert.Equal($"{i}", (await _scheduler.HearAsync()).ExecuteComplete.OperationId);
    }

    [Fact]
    public async Task A_scheduler_that_is_not_there_is_a_fault_with_its_address()
    {
        var nobody = new Uri("http://127.0.0.1:1");
        var error = await Assert.ThrowsAsync<FaultException>(
            () => Link(nobody).ConnectAsync(new Registration("", 0, []), _ => { }, _ => { }, CancellationToken.None));
        Assert.Equal(FaultKind.Worker, error.Fault.Kind);
        Assert.Contains("127.0.0.1:1", error.Fault.Detail, StringComparison.Ordinal);
    }
}
