using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Testing.Cas;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Connection.WorkerApi;
using NativeLink.Actors.Worker.Inputs;
using NativeLink.Actors.Worker.Telemetry;
using NativeLink.Actors.Worker.Tests.Operations;

namespace NativeLink.Actors.Worker.Tests.Hosting;

/// <summary>Instruments are the process's: nothing else may run while they are looked at.</summary>
[CollectionDefinition(nameof(WorkerMetricsTests), DisableParallelization = true)]
public sealed class NothingElseRuns;

/// <summary>A whole host between a scheduler that the test plays and a CAS on a real port, watched by a listener.</summary>
[Collection(nameof(WorkerMetricsTests))]
public sealed class WorkerMetricsTests : IAsyncLifetime
{
    private const int InputBytes = 1_234_567;
    private const int OutputBytes = 2_345_678;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private readonly string _directory = Directory.CreateTempSubdirectory("metrics-").FullName;
    private readonly Scheduler _scheduler = new();
    private readonly ConcurrentDictionary<string, (double Sum, double Largest)> _seen = new();
    private readonly ConcurrentBag<string> _published = [];
    private FakeCasServer _cas = null!;
    private WebApplication _server = null!;

    public async Task InitializeAsync()
    {
        _cas = await FakeCasServer.StartAsync();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(_scheduler);
        _server = builder.Build();
        _server.MapGrpcService<Scheduler>();
        await _server.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        await _cas.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Every_documented_instrument_gets_its_real_value_from_real_actions()
    {
        using var listener = Listen();
        await using (var host = await WorkerHost.StartAsync(Options, NullLoggerFactory.Instance, TimeProvider.System))
        {
            await host.Registered.WaitAsync(Bound);
            // One slot: the second action waits for it.
            await _scheduler.SayAsync(Start("one", $"cat f > /dev/null; head -c {OutputBytes} /dev/zero > out; echo printed"));
            await _scheduler.SayAsync(Start("two", "exit 3"));
            Assert.Equal(0, await _scheduler.ResultAsync());
            Assert.Equal(3, await _scheduler.ResultAsync());
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
        Assert.InRange(_seen["nativelink.worker.store.size"].Sum, InputBytes + OutputBytes, InputBytes + OutputBytes + 20_000);
        string[] levels = ["actions.inflight", "actions.waiting", "connected", "working_directory.size"];
        Assert.All(levels, level => Assert.Equal(0, _seen[$"nativelink.worker.{level}"].Sum));
        Assert.All(levels, level => Assert.True(_seen[$"nativelink.worker.{level}"].Largest > 0));
    }

    private WorkerHostOptions Options => new()
    {
        Cas = new CasOptions { Grpc = new GrpcStoreOptions { InstanceName = "main", Endpoints = [new GrpcEndpointOptions(_cas.Address)] } },
        LocalStore = new ContentStoreOptions(Path.Combine(_directory, "cas"), Path.Combine(_directory, "cas-temp")),
        DirectoryCache = new DirectoryCacheOptions(Path.Combine(_directory, "trees")) { ForcedMaterialiser = "copy" },
        Workers =
        [
            new WorkerOptions
            {
                Connection = new ConnectionOptions
                {
                    Name = "metrics-",
                    SchedulerEndpoint = new WorkerApiEndpointOptions(
                        new GrpcEndpointOptions(new Uri(_server.Urls.First()))),
                    MaxInflightTasks = 1,
                },
                WorkDirectory = Path.Combine(_directory, "work"),
            },
        ],
    };

    private Wire.UpdateForWorker Start(string id, string script)
    {
        var input = new byte[InputBytes];
        new Random(7).NextBytes(input);
        var root = new Reapi.Directory { Files = { new Reapi.FileNode { Name = "f", Digest = _cas.Put(input).ToWire() } } };
        var command = Actions.Command("/bin/sh", "-c", script);
        command.OutputPaths.Add("out");
        var action = new Reapi.Action { CommandDigest = _cas.Put(command).ToWire(), InputRootDigest = _cas.Put(root).ToWire() };
        return new Wire.UpdateForWorker
        {
            StartAction = new Wire.StartExecute
            {
                OperationId = id,
                QueuedTimestamp = Timestamp.FromDateTimeOffset(Actions.Queued),
                ExecuteRequest = new Reapi.ExecuteRequest { InstanceName = "main", ActionDigest = _cas.Put(action).ToWire(), DigestFunction = Reapi.DigestFunction.Types.Value.Sha256 },
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

    private void See(string name, double value) => _seen.AddOrUpdate(name, (value, value), (_, seen) => (seen.Sum + value, Math.Max(seen.Largest, value)));

    private sealed class Scheduler : Wire.WorkerApi.WorkerApiBase
    {
        private readonly Channel<Wire.UpdateForWorker> _toSay = Channel.CreateUnbounded<Wire.UpdateForWorker>();
        private readonly Channel<int> _results = Channel.CreateUnbounded<int>();

        public ValueTask SayAsync(Wire.UpdateForWorker update) => _toSay.Writer.WriteAsync(update);

        public async Task<int> ResultAsync() => await _results.Reader.ReadAsync().AsTask().WaitAsync(Bound);

        public override async Task ConnectWorker(
            IAsyncStreamReader<Wire.UpdateForScheduler> requestStream, IServerStreamWriter<Wire.UpdateForWorker> responseStream, ServerCallContext context)
        {
            Assert.True(await requestStream.MoveNext());
            await responseStream.WriteAsync(new Wire.UpdateForWorker { ConnectionResult = new Wire.ConnectionResult { WorkerId = "metrics-1" } });
            var saying = SayAllAsync(responseStream, context.CancellationToken);
            while (await requestStream.MoveNext())
            {
                if (requestStream.Current.ExecuteResult?.ExecuteResponse is { } response)
                    _results.Writer.TryWrite(response.Result.ExitCode);
                if (requestStream.Current.GoingAwayRequest is not null)
                    return;
            }
            await saying.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        private async Task SayAllAsync(IServerStreamWriter<Wire.UpdateForWorker> stream, CancellationToken end)
        {
            await foreach (var update in _toSay.Reader.ReadAllAsync(end))
                await stream.WriteAsync(update, end);
        }
    }
}
