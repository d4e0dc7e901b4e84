using Google.LongRunning;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.LocalCluster.Scheduling.Clients;
using NativeLink.Actors.LocalCluster.Scheduling.Queueing;
using NativeLink.Actors.LocalCluster.Scheduling.Workers;
using NativeLink.Actors.LocalCluster.Tests.Scheduling;
using Stage = Build.Bazel.Remote.Execution.V2.ExecutionStage.Types.Value;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

/// <summary>The stream of a worker, on a real connection.</summary>
public sealed class WorkerApiServiceTests : IAsyncLifetime
{
    private SchedulingRig _rig = null!;

    public async Task InitializeAsync() => _rig = await SchedulingRig.StartAsync();

    public async Task DisposeAsync() => await _rig.DisposeAsync();

    [Fact]
    public async Task NL_263_The_id_is_the_prefix_and_a_UUID()
    {
        await using var worker = await _rig.ConnectAsync();
        Assert.Matches("^scripted-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", worker.Id);
    }

    [Fact]
    public async Task NL_270_Any_other_first_message_fails_the_call_with_INTERNAL()
    {
        await using var wrong = ScriptedWorker.Open(_rig.Cluster.Server.WorkerApiAddress);
        await wrong.SendAsync(new Wire.UpdateForScheduler { KeepAliveRequest = new Wire.KeepAliveRequest() });
        Assert.Equal(StatusCode.Internal, (await wrong.EndedAsync()).StatusCode);
        await using var silent = ScriptedWorker.Open(_rig.Cluster.Server.WorkerApiAddress);
        await silent.LeaveAsync();
        Assert.Equal(StatusCode.Internal, (await silent.EndedAsync()).StatusCode);
    }

    [Fact]
    public async Task NL_275_A_minimum_that_is_no_number_refuses_the_worker_with_INVALID_ARGUMENT()
    {
        await using var worker = ScriptedWorker.Open(_rig.Cluster.Server.WorkerApiAddress);
        await worker.RegisterAsync(0, "cpu_count=abc");
        var status = await worker.EndedAsync();
        Assert.Equal(StatusCode.InvalidArgument, status.StatusCode);
        Assert.Contains("cpu_count", status.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task NL_274_An_ended_or_broken_stream_gives_its_operation_to_the_next_worker(bool politely)
    {
        var first = await _rig.ConnectAsync();
        using var call = _rig.Execution.Execute(_rig.Request(_rig.MakeAction()));
        var start = await first.ReceiveStartAsync();
        if (politely)
        {
            await first.LeaveAsync();
            Assert.NotNull((await first.ReceiveAsync()).Disconnect);
            Assert.Equal(StatusCode.OK, (await first.EndedAsync()).StatusCode);
        }
        else
        {
            first.Break();
        }

        await using var second = await _rig.ConnectAsync();
        var again = await second.ReceiveStartAsync();
        Assert.Equal(start.OperationId, again.OperationId);
        await second.AnswerAsync(again.OperationId);
        Assert.Equal([Stage.Queued, Stage.Executing, Stage.Queued, Stage.Executing, Stage.Completed],
            (await SchedulingRig.ReadAllAsync(call)).Select(SchedulingRig.StageOf));
        await first.DisposeAsync();
    }

    [Fact]
    public async Task NL_264_A_silent_worker_hears_disconnect_and_its_stream_ends()
    {
        await using var rig = await SchedulingRig.StartAsync(
            o => o with { Scheduler = o.Scheduler with { WorkerTimeout = TimeSpan.FromSeconds(1) } });
        await using var worker = await rig.ConnectAsync();
        Assert.NotNull((await worker.ReceiveAsync()).Disconnect);
        Assert.Equal(StatusCode.OK, (await worker.EndedAsync()).StatusCode);
    }

    [Fact]
    public async Task A_failure_inside_the_scheduler_disconnects_everyone_and_leaves_it_working()
    {
        var actions = new NoActions();
        using var system = Akka.Actor.ActorSystem.Create("test");
        await using var scheduler = new LocalScheduler(new SchedulerOptions(), TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance, actions, actions);
        scheduler.Start(system);
        var (link, stream) = (NewLink(), new OperationStream());
        scheduler.Tell(new SchedulerProtocol.Register(link));
        scheduler.Tell(new SchedulerProtocol.Submit(NewSubmission(), stream));
        scheduler.Tell(new SchedulerProtocol.GetOperation(null!, new TaskCompletionSource<Operation?>()));
        await link.Closed.WaitAsync(TimeSpan.FromSeconds(30));
        var error = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await foreach (var unused in stream.Updates.ReadAllAsync())
                Assert.False(unused.Done);
        });
        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
        var (next, again) = (NewLink(), new OperationStream());
        scheduler.Tell(new SchedulerProtocol.Register(next));
        scheduler.Tell(new SchedulerProtocol.Submit(NewSubmission(), again));
        Assert.Equal(Stage.Queued, SchedulingRig.StageOf(await again.Updates.ReadAsync()));
        Assert.Equal(Stage.Executing, SchedulingRig.StageOf(await again.Updates.ReadAsync()));
    }

    [Fact]
    public async Task Two_hundred_actions_by_eight_clients_over_two_workers_are_each_answered_once()
    {
        await using var first = await _rig.ConnectAsync(4);
        await using var second = await _rig.ConnectAsync(4);
        using var over = new CancellationTokenSource();
        var serving = Task.WhenAll(ServeAsync(first, over.Token), ServeAsync(second, over.Token));
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async client =>
        {
            for (var i = 0; i < 25; i++)
            {
                using var call = _rig.Execution.Execute(_rig.Request(_rig.MakeAction($"{client}-{i}")));
                Assert.Equal(0, SchedulingRig.ResponseOf((await SchedulingRig.ReadAllAsync(call))[^1]).Status.Code);
            }
        }));
        await over.CancelAsync();
        first.Break();
        second.Break();
        Assert.Equal(200, (await serving).Sum());
    }

    private static async Task<int> ServeAsync(ScriptedWorker worker, CancellationToken over)
    {
        for (var served = 0; ; served++)
        {
            try
            {
                await worker.AnswerAsync((await worker.ReceiveStartAsync()).OperationId);
            }
            catch (Exception) when (over.IsCancellationRequested)
            {
                return served;
            }
        }
    }

    private static WorkerLink NewLink() =>
        new("w-", 0, new PropertyRules(EngineRig.Types).ReadWorker([]), TimeProvider.System);

    private static Submission NewSubmission() =>
        new(new ActionKey("main", Samples.DigestOf("a")), PlatformRequirements.None, 0, null, false, true);

    private sealed class NoActions : IActionSource, IActionResults
    {
        public ValueTask<ReadOnlyMemory<byte>?> ReadAsync(Digest digest, CancellationToken cancellation) => default;

        public ValueTask<IReadOnlyList<Digest>> FindMissingAsync(
            IReadOnlyList<Digest> digests, CancellationToken cancellation) => new(digests);

        public ValueTask<Reapi.ActionResult?> FindCompleteAsync(
            string instanceName, Digest action, CancellationToken cancellation) => default;
    }
}
