using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Cli.Client;
using NativeLink.Actors.Cli.Composition;
using NativeLink.Actors.Cli.Hosting;
using NativeLink.Actors.Cli.Tests.Rig;
using NativeLink.Actors.LocalCluster;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Worker;
using NativeLink.Actors.Worker.Connection;
using Stage = Build.Bazel.Remote.Execution.V2.ExecutionStage.Types.Value;

namespace NativeLink.Actors.Cli.Tests.Client;

/// <summary>
/// Two workers with different properties, one of which asks a command for a value: who gets which
/// action (protos/README.md 3.9).
/// </summary>
public sealed class MatchingTests : IAsyncLifetime, IDisposable
{
    private const string One = "local-1-";
    private const string Two = "local-2-";

    private readonly TempDirectory _directory = new();
    private LocalNode _node = null!;
    private ReapiClient _client = null!;

    public async Task InitializeAsync()
    {
        var (data, anyPort) = (_directory.At("data"), new IPEndPoint(IPAddress.Loopback, 0));
        var defaults = LocalDefaults.Cluster(data, anyPort, anyPort);
        var types = new Dictionary<string, PropertyType>
        {
            ["cpu_count"] = PropertyType.Minimum,
            ["ISA"] = PropertyType.Exact,
            ["OSFamily"] = PropertyType.Priority,
            ["comment"] = PropertyType.Ignore,
        };
        var cluster = defaults with
        {
            Scheduler = defaults.Scheduler with { SupportedProperties = types.ToImmutableDictionary() },
        };
        var switches = new WorkerSwitches { Count = 2, MaxInflight = 4, Environment = OwnEnvironment.All() };
        _node = await LocalNode.StartAsync(
            cluster,
            host =>
            {
                var workers = LocalDefaults.Workers(host, cluster, data, switches);
                return
                [
                    workers with
                    {
                        Workers =
                        [
                            With(workers.Workers[0], Fixed("cpu_count", "2"), Fixed("ISA", "x86"),
                                Fixed("OSFamily", ""), Fixed("pool", "small")),
                            With(workers.Workers[1], new PlatformPropertySource("cpu_count", [], "echo 8"),
                                Fixed("ISA", "arm")),
                        ],
                    },
                ];
            },
            null, NullLoggerFactory.Instance, TimeProvider.System);
        _client = new ReapiClient(RemoteExecutorOptions.Of(
            new Uri($"http://{LocalNode.Dialable(_node.Cluster.ClientAddress)}")), TimeProvider.System);
    }

    public async Task DisposeAsync()
    {
        await _client.DisposeAsync();
        await _node.DisposeAsync();
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Each_action_runs_where_its_properties_match()
    {
        Assert.Equal(Two, await WorkerOfAsync(("cpu_count", "8")));
        Assert.Equal(Two, await WorkerOfAsync(("cpu_count", "3")));
        Assert.Equal(One, await WorkerOfAsync(("ISA", "x86"), ("cpu_count", "2")));
        Assert.Equal(Two, await WorkerOfAsync(("ISA", "arm")));
        Assert.Equal(One, await WorkerOfAsync(("OSFamily", "Linux")));
        // Not listed: it restricts only the worker that declares it.
        Assert.Equal(Two, await WorkerOfAsync(("pool", "large")));
        Assert.Equal(One, await WorkerOfAsync(("pool", "small"), ("ISA", "x86")));
        Assert.Equal(Two, await WorkerOfAsync(("comment", "anything"), ("cpu_count", "5")));
    }

    [Fact]
    public async Task Actions_without_properties_are_spread_over_both()
    {
        var workers = new HashSet<string>();
        for (var i = 0; i < 4; i++)
            workers.Add(await WorkerOfAsync());
        Assert.Equal([One, Two], workers.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_no_worker_matches_waits()
    {
        var (stages, queued) = (new ConcurrentQueue<Stage>(), new TaskCompletionSource());
        using var stop = new CancellationTokenSource();
        var waiting = RunAsync([("ISA", "x86"), ("cpu_count", "8")], stage =>
        {
            stages.Enqueue(stage);
            if (stage == Stage.Queued)
                queued.TrySetResult();
        }, stop.Token);
        await queued.Task.WaitAsync(TimeSpan.FromSeconds(30));
        // What fits is matched in the same pass of the scheduler: one that comes later is through when that was over.
        await WorkerOfAsync(("ISA", "x86"), ("cpu_count", "1"));
        Assert.Equal([Stage.Queued], stages.Distinct());
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => waiting);
    }

    private static WorkerOptions With(WorkerOptions worker, params PlatformPropertySource[] properties) =>
        worker with { Connection = worker.Connection with { PlatformProperties = [.. properties] } };

    private static PlatformPropertySource Fixed(string name, string value) => new(name, [value], null);

    private async Task<string> WorkerOfAsync(params (string Name, string Value)[] properties)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var worker = (await RunAsync(properties, _ => { }, limit.Token)).Result.ExecutionMetadata.Worker;
        return worker[..One.Length];
    }

    private async Task<Reapi.ExecuteResponse> RunAsync(
        (string Name, string Value)[] properties, Action<Stage> onStage, CancellationToken cancellation)
    {
        var blobs = new Blobs();
        var platform = new Reapi.Platform();
        platform.Properties.AddRange(properties.OrderBy(property => property.Name, StringComparer.Ordinal)
            .Select(property => new Reapi.Platform.Types.Property { Name = property.Name, Value = property.Value }));
        var action = new Reapi.Action
        {
            CommandDigest = blobs.Add(new Reapi.Command { Arguments = { "/bin/true" } }),
            InputRootDigest = blobs.Add(new Reapi.Directory()),
            Platform = platform,
        };
        var digest = Digest.FromWire(blobs.Add(action), DigestFunction.Sha256, "the action");
        await _client.UploadAsync(blobs.All, cancellation);
        return await _client.ExecuteAsync(digest, skipCache: true, stage => onStage(stage.Stage), cancellation);
    }
}
