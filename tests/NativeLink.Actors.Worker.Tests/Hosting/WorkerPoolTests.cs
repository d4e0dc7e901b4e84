using Akka.Actor;
using Akka.TestKit.Xunit2;
using NativeLink.Actors.Testing.Scheduling;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Tests.Connection;
using NativeLink.Actors.Worker.Tests.Operations;
using static NativeLink.Actors.Worker.PoolProtocol;

namespace NativeLink.Actors.Worker.Tests.Hosting;

public sealed class WorkerPoolTests : TestKit
{
    private readonly TempDirectory _scratch = new();
    private readonly ScriptedLink[] _links = [new(), new()];

    public WorkerPoolTests()
        : base(TestKits.Real)
    {
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        _scratch.Dispose();
    }

    private IActorRef StartPool(Props? service = null, ConnectionOptions? options = null, Props? executor = null)
    {
        var quiet = Props.Create(() => new Service());
        var workers = _links.Select((link, index) => new PooledWorker($"w{index}", 0, _ => new ConnectionSettings(
            options ?? Actions.Connection(), new ExecutorOptions(), link, new ScriptedLauncher(),
            () => executor ?? quiet, new Random(1))
        { ScratchDirectory = _scratch.Path }));
        return Sys.ActorOf(
            WorkerPool.CreateProps(new WorkerPoolSettings(service ?? quiet, quiet, [quiet], [.. workers])));
    }

    private async Task<ScriptedStream[]> AcceptAllAsync()
    {
        var streams = new List<ScriptedStream>();
        foreach (var link in _links)
        {
            streams.Add(await link.NextAsync());
            streams[^1].Greet();
        }
        return [.. streams];
    }

    [Fact]
    public async Task A_pool_is_registered_when_every_worker_is()
    {
        var pool = StartPool();
        pool.Tell(new AwaitRegistered());
        (await _links[0].NextAsync()).Greet();
        await ExpectNoMsgAsync(TestKits.Shortly);
        (await _links[1].NextAsync()).Greet();
        await ExpectMsgAsync<AllRegistered>();
    }

    [Fact]
    public async Task A_drained_pool_has_said_goodbye_on_every_stream()
    {
        var pool = StartPool();
        pool.Tell(new AwaitRegistered());
        var streams = await AcceptAllAsync();
        await ExpectMsgAsync<AllRegistered>();
        pool.Tell(new DrainAll());
        await ExpectMsgAsync(new AllDrained(true));
        foreach (var stream in streams)
            Assert.Equal(Wire.UpdateForScheduler.UpdateOneofCase.GoingAwayRequest,
                (await stream.ReadAsync()).UpdateCase);
        Watch(pool);
        pool.Tell(new ShutdownAll());
        await ExpectTerminatedAsync(pool);
    }

    [Fact]
    public async Task A_pool_that_is_shut_down_stops_with_its_connections()
    {
        var pool = StartPool();
        Watch(pool);
        await AcceptAllAsync();
        pool.Tell(new ShutdownAll());
        await ExpectTerminatedAsync(pool);
    }

    [Fact]
    public async Task A_service_that_fails_too_often_ends_the_pool_with_a_reason()
    {
        var pool = StartPool(Props.Create(() => new Broken()));
        pool.Tell(new AwaitStopped());
        Assert.Contains("downloader failed", (await ExpectMsgAsync<Stopped>()).Fault!.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_action_whose_stream_was_lost_is_adopted_by_another_worker_of_the_pool()
    {
        var test = TestActor;
        StartPool(executor: Props.Create(() => new Telling(test)), options: Actions.Connection() with
        {
            OnDisconnect = new DisconnectOptions { Finish = true },
        });
        var streams = await AcceptAllAsync();
        streams[0].Start(ConnectionSpec.StartOf("a"));
        var started = await ExpectMsgAsync<ExecutorProtocol.Start>();
        var executor = LastSender;
        streams[0].End("reset");
        (await _links[0].NextAsync()).Greet("again");

        streams[1].Start(ConnectionSpec.StartOf("b"));
        await ExpectNoMsgAsync(TestKits.Shortly);
        var response = new Reapi.ExecuteResponse { Result = new Reapi.ActionResult { ExitCode = 7 } };
        executor.Tell(new ExecutorProtocol.Finished(started.Attempt, new ExecuteResult(new OperationId("a"), "main")
        {
            ExecuteResponse = response,
        }, ResultKind.ExitedNonZero));
        Wire.ExecuteResult? result = null;
        while (result is null)
            result = (await streams[1].ReadAsync()).ExecuteResult;
        Assert.Equal(("b", 7), (result.OperationId, result.ExecuteResponse.Result.ExitCode));
    }

    [Fact]
    public async Task A_pool_knows_what_each_worker_does_and_pauses_one_or_all()
    {
        var pool = StartPool();
        await AcceptAllAsync();
        await ExpectPhasesAsync(WorkerPhase.Serving, WorkerPhase.Serving);
        pool.Tell(new PauseWorkers("w1", "why not"));
        await ExpectPhasesAsync(WorkerPhase.Serving, WorkerPhase.Paused);
        pool.Tell(new PauseWorkers(null, "all"));
        await ExpectPhasesAsync(WorkerPhase.Paused, WorkerPhase.Paused);
        pool.Tell(new ResumeWorkers(null));
        await AcceptAllAsync();
        await ExpectPhasesAsync(WorkerPhase.Serving, WorkerPhase.Serving);

        Task ExpectPhasesAsync(params WorkerPhase[] phases) => AwaitConditionAsync(async () =>
            (await pool.Ask<WorkerStates>(new DescribeWorkers())).Workers.Select(static worker => worker.Phase)
                .SequenceEqual(phases));
    }

    /// <summary>An executor by remote control.</summary>
    private sealed class Telling(IActorRef test) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (message is ExecutorProtocol.Finished)
                Context.Parent.Tell(message);
            else
                test.Tell(message, Self);
        }
    }

    private sealed class Service : UntypedActor
    {
        protected override void OnReceive(object message) => Unhandled(message);
    }

    private sealed class Broken : UntypedActor
    {
        protected override void PreStart() => Self.Tell("break");

        protected override void PostRestart(Exception reason) => Self.Tell("break");

        protected override void OnReceive(object message) => throw new InvalidOperationException("broken");
    }
}
