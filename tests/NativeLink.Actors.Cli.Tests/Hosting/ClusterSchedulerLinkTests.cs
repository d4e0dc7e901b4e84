using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Cli.Hosting;
using NativeLink.Actors.LocalCluster;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Cli.Tests.Hosting;

/// <summary>
/// What the connection actor may rely on, whichever link it has
/// (<see cref="ISchedulerLink"/>), of the one without a wire.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Disposed of in DisposeAsync.")]
public sealed class ClusterSchedulerLinkTests : IAsyncLifetime
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private readonly TempDirectory _directory = new();
    private readonly Channel<SchedulerMessage> _updates = Channel.CreateUnbounded<SchedulerMessage>();
    private readonly Channel<Fault?> _ends = Channel.CreateUnbounded<Fault?>();
    private LocalClusterHost _cluster = null!;

    public async Task InitializeAsync() => _cluster = await LocalClusterHost.StartAsync(
        LocalDefaults.Cluster(_directory.Path, new IPEndPoint(IPAddress.Loopback, 0),
            new IPEndPoint(IPAddress.Loopback, 0)), NullLoggerFactory.Instance, TimeProvider.System);

    public async Task DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task The_first_update_is_the_workers_name_and_its_goodbye_ends_the_stream_once()
    {
        await using var session = await ConnectAsync();
        Assert.StartsWith("east-", (await NextWorkerAsync()).Value, StringComparison.Ordinal);
        await session.SendAsync(new GoingAway(), CancellationToken.None);
        await NextEndAsync();
        await Assert.ThrowsAsync<FaultException>(
            () => session.SendAsync(new KeepAliveSignal(), CancellationToken.None));
        await session.DisposeAsync();
        Assert.False(_ends.Reader.TryRead(out _));
    }

    [Fact]
    public async Task The_schedulers_end_is_the_streams_end()
    {
        await using var session = await ConnectAsync();
        await NextUpdateAsync();
        await _cluster.DisposeAsync();
        await NextEndAsync();
    }

    [Fact]
    public async Task A_session_that_is_disposed_ends_and_the_next_one_is_another_worker()
    {
        var session = await ConnectAsync();
        var worker = await NextWorkerAsync();
        await session.DisposeAsync();
        await NextEndAsync();
        while (_updates.Reader.TryRead(out _))
        {
            // The scheduler's goodbye to the first one.
        }
        await using var other = await ConnectAsync();
        Assert.NotEqual(worker, await NextWorkerAsync());
    }

    [Fact]
    public async Task The_message_that_was_sent_stays_the_workers_own()
    {
        await using var session = await ConnectAsync();
        await NextUpdateAsync();
        var mine = new Reapi.ExecuteResponse { Result = new Reapi.ActionResult() };
        var before = mine.Clone();
        await session.SendAsync(new ResultReady(new ExecuteResult(new OperationId("unknown"), "")
        {
            ExecuteResponse = mine,
        }), CancellationToken.None);
        Assert.Equal(before, mine);
    }

    private Task<ISchedulerSession> ConnectAsync() => new ClusterSchedulerLink(_cluster).ConnectAsync(
        new Registration("east-", 1, []), update => _updates.Writer.TryWrite(update), end => _ends.Writer.TryWrite(end),
        CancellationToken.None);

    private async Task<WorkerId> NextWorkerAsync() =>
        Assert.IsType<RegistrationAccepted>(await NextUpdateAsync()).Worker;

    private async Task<SchedulerMessage> NextUpdateAsync() =>
        await _updates.Reader.ReadAsync().AsTask().WaitAsync(Bound);

    private async Task<Fault?> NextEndAsync() => await _ends.Reader.ReadAsync().AsTask().WaitAsync(Bound);
}
