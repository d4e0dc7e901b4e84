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

    private IActorRef StartPool(Props? service = null)
    {
        var quiet = Props.Create(() => new Service());
        var workers = _links.Select((link, index) => new PooledWorker($"w{index}", 0, _ => new ConnectionSettings(
            Actions.Connection(), new ExecutorOptions(), link, new ScriptedLauncher(), () => quiet, new Random(1))
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
