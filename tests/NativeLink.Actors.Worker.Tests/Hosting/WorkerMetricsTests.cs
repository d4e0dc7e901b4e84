using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Testing.Cas;
using NativeLink.Actors.Testing.Scheduling;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Connection.WorkerApi;
using NativeLink.Actors.Worker.Telemetry;
using NativeLink.Actors.Worker.Tests.Operations;

namespace NativeLink.Actors.Worker.Tests.Hosting;

/// <summary>Instruments are the process's: nothing else may run while they are looked at.</summary>
[CollectionDefinition(nameof(WorkerMetricsTests), DisableParallelization = true)]
public sealed class NothingElseRuns;

/// <summary>
/// A whole host between a scheduler that the test plays
/// and a CAS on a real port, watched by a listener.
/// </summary>
[Collection(nameof(WorkerMetricsTests))]
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001",
    Justification = "xUnit ends it by IAsyncLifetime.")]
public sealed class WorkerMetricsTests : IAsyncLifetime
{
    private const int InputBytes = 1_234_567;
    private const int OutputBytes = 2_345_678;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private readonly TempDirectory _directory = new();
    private readonly ConcurrentDictionary<string, (double Sum, double Largest)> _seen = new();
    private readonly ConcurrentBag<string> _published = [];
    private FakeCasServer _cas = null!;
    private ScriptedScheduler _scheduler = null!;

    public async Task InitializeAsync()
    {
        _cas = await FakeCasServer.StartAsync();
        _scheduler = await ScriptedScheduler.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _scheduler.DisposeAsync();
        await _cas.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Every_documented_instrument_gets_its_real_value_from_real_actions()
    {
        using var listener = Listen();
        await using (var host = await WorkerHost.StartAsync(Options, NullLoggerFactory.Instance, TimeProvider.System))
        {
            await host.Registered.WaitAsync(Bound);
            // One slot: the second action waits for it.
            var one = _scheduler.ExecuteAsync(
                Start("one", $"cat f > /dev/null; head -c {OutputBytes} /dev/zero > out; echo printed"));
            var two = _scheduler.ExecuteAsync(Start("two", "exit 3"));
            Assert.Equal(0, (await one.WaitAsync(Bound)).ExecuteResponse.Result.ExitCode);
            Assert.Equal(3, (await two.WaitAsync(Bound)).ExecuteResponse.Result.ExitCode);
            await Eventually.HoldsAsync(
                () => _seen.ContainsKey("nativelink.worker.keepalive.gap"), "two keep-alives have been sent");
            listener.RecordObservableInstruments();
        }
        Assert.NotEmpty(_published);
        Assert.Equal(_published.Order(), _seen.Keys.Order());
        Assert.Equal(2, _seen["nativelink.worker.actions"].Sum);
        Assert.True(_seen["nativelink.worker.action.duration"].Sum > 0);
        Assert.True(_seen["nativelink.worker.stage.duration"].Sum > 0);
        Assert.Equal(1, _seen["nativelink.worker.connects"].Sum);
        // The input is fetched once for both; messages come on top.
        Assert.InRange(_seen["nativelink.worker.download"].Sum, InputBytes + 100, InputBytes + 10_000);
        Assert.InRange(_seen["nativelink.worker.upload"].Sum, OutputBytes + 8, OutputBytes + 10_000);
        Assert.Equal(InputBytes, _seen["nativelink.worker.working_directory.size"].Largest);
        Assert.Equal(2, _seen["nativelink.worker.input_roots"].Sum);
        Assert.Equal(1, _seen["nativelink.worker.materialiser"].Sum);
        Assert.InRange(_seen["nativelink.worker.store.size"].Sum, InputBytes + OutputBytes,
            InputBytes + OutputBytes + 20_000);
        string[] levels = ["actions.inflight", "actions.waiting", "connected", "working_directory.size", "workers"];
        Assert.All(levels, level => Assert.Equal(0, _seen[$"nativelink.worker.{level}"].Sum));
        Assert.All(levels, level => Assert.True(_seen[$"nativelink.worker.{level}"].Largest > 0));
    }

    private WorkerHostOptions Options => new()
    {
        Cas = new CasOptions
        {
            Grpc = new GrpcStoreOptions { InstanceName = "main", Endpoints = [new GrpcEndpointOptions(_cas.Address)] },
        },
        LocalStore = new ContentStoreOptions(_directory.At("cas"), _directory.At("cas-temp")),
        DirectoryCache = new DirectoryCacheOptions(_directory.At("trees")) { ForcedMaterialiser = "copy" },
        Workers =
        [
            new WorkerOptions
            {
                Connection = new ConnectionOptions
                {
                    Name = "metrics-",
                    SchedulerEndpoint = new WorkerApiEndpointOptions(new GrpcEndpointOptions(_scheduler.Address)),
                    MaxInflightTasks = 1,
                    EndpointTimeout = TimeSpan.FromSeconds(1),
                },
                WorkDirectory = _directory.At("work"),
            },
        ],
    };

    private Wire.StartExecute Start(string id, string script)
    {
        var input = new byte[InputBytes];
        new Random(7).NextBytes(input);
        var root = new Reapi.Directory
        {
            Files = { new Reapi.FileNode { Name = "f", Digest = _cas.Put(input).ToWire() } },
        };
        var command = Actions.Command("/bin/sh", "-c", script);
        command.OutputPaths.Add("out");
        var action = new Reapi.Action
        {
            CommandDigest = _cas.Put(command).ToWire(),
            InputRootDigest = _cas.Put(root).ToWire(),
        };
        return new Wire.StartExecute
        {
            OperationId = id,
            QueuedTimestamp = Timestamp.FromDateTimeOffset(Actions.Queued),
            ExecuteRequest = new Reapi.ExecuteRequest
            {
                InstanceName = "main",
                ActionDigest = _cas.Put(action).ToWire(),
                DigestFunction = Reapi.DigestFunction.Types.Value.Sha256,
            },
        };
    }

    private MeterListener Listen()
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name is not (WorkerMetrics.MeterName or CasMetrics.MeterName))
                    return;
                _published.Add(instrument.Name);
                self.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => See(instrument.Name, value));
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => See(instrument.Name, value));
        listener.Start();
        return listener;
    }

    private void See(string name, double value) =>
        _seen.AddOrUpdate(name, (value, value), (_, seen) => (seen.Sum + value, Math.Max(seen.Largest, value)));
}
