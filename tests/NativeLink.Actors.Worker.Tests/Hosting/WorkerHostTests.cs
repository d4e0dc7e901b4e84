using Akka.Actor;
using Akka.Hosting;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Testing.Scheduling;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Connection.WorkerApi;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Tests.Operations;

namespace NativeLink.Actors.Worker.Tests.Hosting;

/// <summary>
/// A whole host, with real files, processes and streams, at a
/// scheduler that the test plays; the local store is the CAS.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001",
    Justification = "xUnit ends it by IAsyncLifetime.")]
public sealed class WorkerHostTests : IAsyncLifetime
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private readonly TempDirectory _directory = new();
    private ScriptedScheduler _scheduler = null!;
    private ContentStore _store = null!;

    public async Task InitializeAsync()
    {
        _scheduler = await ScriptedScheduler.StartAsync(listens: true);
        _store = ContentStore.Open(StoreOptions, TimeProvider.System);
    }

    public async Task DisposeAsync()
    {
        await _scheduler.DisposeAsync();
        _store.Dispose();
        _directory.Dispose();
    }

    private ContentStoreOptions StoreOptions => new(_directory.At("cas"), _directory.At("cas-temp"));

    private WorkerHostOptions Options => new()
    {
        Cas = new CasOptions { LocalStoreOnly = true },
        LocalStore = StoreOptions,
        SharedStore = _store,
        DirectoryCache = new DirectoryCacheOptions(_directory.At("trees")) { ForcedMaterialiser = "copy" },
        Workers =
        [
            new WorkerOptions
            {
                Connection = new ConnectionOptions
                {
                    Name = "host-",
                    SchedulerEndpoint = new WorkerApiEndpointOptions(new GrpcEndpointOptions(_scheduler.Address)),
                },
                WorkDirectory = _directory.At("work"),
            },
        ],
    };

    private Digest Put(IMessage message, DigestFunction function = DigestFunction.Sha256)
    {
        var bytes = message.ToByteArray();
        var digest = BlobHasher.Compute(bytes, function);
        _store.Put(digest, bytes);
        return digest;
    }

    private Wire.UpdateForWorker Start(string id, string script)
    {
        var command = Actions.Command("/bin/sh", "-c", script);
        command.OutputPaths.Add("out");
        var action = new Reapi.Action
        {
            CommandDigest = Put(command).ToWire(),
            InputRootDigest = Put(new Reapi.Directory()).ToWire(),
        };
        return new Wire.UpdateForWorker
        {
            StartAction = new Wire.StartExecute
            {
                OperationId = id,
                QueuedTimestamp = Timestamp.FromDateTimeOffset(Actions.Queued),
                ExecuteRequest = new Reapi.ExecuteRequest
                {
                    InstanceName = "main",
                    ActionDigest = Put(action).ToWire(),
                    DigestFunction = Reapi.DigestFunction.Types.Value.Sha256,
                },
            },
        };
    }

    private string Text(Reapi.Digest digest)
    {
        Assert.True(Digest.TryFromWire(digest, DigestFunction.Sha256, out var parsed));
        using var file = _store.TryOpenRead(parsed);
        Assert.NotNull(file);
        var bytes = new byte[parsed.SizeBytes];
        RandomAccess.Read(file, bytes, 0);
        return System.Text.Encoding.UTF8.GetString(bytes);
    }

    [Fact]
    public async Task NL_034_NL_035_NL_087_An_action_runs_with_real_files_and_processes_and_leaves_nothing()
    {
        await using var host = await WorkerHost.StartAsync(Options, NullLoggerFactory.Instance, TimeProvider.System);
        await host.Registered.WaitAsync(Bound);
        await SayAsync(Start("one", "echo printed; echo made > out; exit 3"));
        Assert.Equal("one", (await _scheduler.HearAsync()).ExecuteComplete.OperationId);
        var response = (await _scheduler.HearAsync()).ExecuteResult.ExecuteResponse;
        Actions.Complete(response);
        Assert.Equal(3, response.Result.ExitCode);
        Assert.Equal("printed\n", Text(response.Result.StdoutDigest));
        Assert.Equal("made\n", Text(Assert.Single(response.Result.OutputFiles).Digest));
        // The answer leaves first.
        var left = () => Directory.GetFileSystemEntries(_directory.At("work"))
            .Where(path => !Path.GetFileName(path).StartsWith('.'));
        await Eventually.HoldsAsync(() => !left().Any(), () => string.Join(", ", left()));
    }

    [Fact]
    public async Task NL_071_A_side_channel_file_that_nobody_writes_leaves_the_result_as_it_is()
    {
        var options = Options;
        options = options with
        {
            Workers = [options.Workers[0] with
            {
                Actions = new ExecutorOptions
                {
                    AdditionalEnvironment = [new EnvironmentEntry("SIDE", EnvironmentSource.SideChannelFile)],
                },
            }],
        };
        await using var host = await WorkerHost.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System);
        await SayAsync(Start("one", "[ -n \"$SIDE\" ] && [ ! -e \"$SIDE\" ] && echo made > out; exit 3"));
        Assert.Equal("one", (await _scheduler.HearAsync()).ExecuteComplete.OperationId);
        var response = (await _scheduler.HearAsync()).ExecuteResult.ExecuteResponse;
        Assert.Equal((3, 0), (response.Result.ExitCode, response.Status?.Code ?? 0));
        Assert.Equal("made\n", Text(Assert.Single(response.Result.OutputFiles).Digest));
    }

    [Fact]
    public async Task NL_099_The_digest_function_of_the_request_is_that_of_the_whole_result()
    {
        await using var host = await WorkerHost.StartAsync(Options, NullLoggerFactory.Instance, TimeProvider.System);
        var command = Actions.Command("/bin/sh", "-c", "echo printed; echo made > out");
        command.OutputPaths.Add("out");
        var action = new Reapi.Action
        {
            CommandDigest = Put(command, DigestFunction.Blake3).ToWire(),
            InputRootDigest = Put(new Reapi.Directory(), DigestFunction.Blake3).ToWire(),
        };
        var start = Start("one", "true");
        start.StartAction.ExecuteRequest.ActionDigest = Put(action, DigestFunction.Blake3).ToWire();
        start.StartAction.ExecuteRequest.DigestFunction = Reapi.DigestFunction.Types.Value.Blake3;
        await SayAsync(start);
        Assert.Equal("one", (await _scheduler.HearAsync()).ExecuteComplete.OperationId);
        var result = (await _scheduler.HearAsync()).ExecuteResult.ExecuteResponse.Result;
        var (made, printed) = (BlobHasher.Compute("made\n"u8, DigestFunction.Blake3),
            BlobHasher.Compute("printed\n"u8, DigestFunction.Blake3));
        Assert.Equal((made.ToWire(), printed.ToWire()),
            (Assert.Single(result.OutputFiles).Digest, result.StdoutDigest));
        Assert.True(_store.Contains(made) && _store.Contains(printed));
    }

    [Fact]
    public async Task NL_111_A_drained_host_finishes_its_action_and_says_goodbye()
    {
        await using var host = await WorkerHost.StartAsync(Options, NullLoggerFactory.Instance, TimeProvider.System);
        await host.Registered.WaitAsync(Bound);
        var gate = _directory.At("gate");
        foreach (var id in new[] { "one", "two" })
        {
            var running = _directory.At(id);
            await SayAsync(Start(id, $": > {running}; until [ -e {gate} ]; do sleep 0.02; done"));
            await ExistsAsync(running);
        }
        var drained = host.DrainAsync();
        Assert.Equal(StatusCode.ResourceExhausted, await RefusalAsync());
        await File.WriteAllTextAsync(gate, "");
        Assert.True(await drained.WaitAsync(Bound));
        var heard = new List<Wire.UpdateForScheduler>();
        while (heard.LastOrDefault()?.GoingAwayRequest is null)
            heard.Add(await _scheduler.HearAsync());
        Assert.Equal(2, heard.Count(message => message.ExecuteResult?.ExecuteResponse is not null));
    }

    [Fact]
    public async Task Disposing_a_host_leaves_no_process_of_its_actions()
    {
        var host = await WorkerHost.StartAsync(Options, NullLoggerFactory.Instance, TimeProvider.System);
        await host.Registered.WaitAsync(Bound);
        var file = _directory.At("pid");
        await SayAsync(Start("one", $"echo $$ > {file}.part; mv {file}.part {file}; exec sleep 600"));
        await ExistsAsync(file);
        var pid = int.Parse(await File.ReadAllTextAsync(file), System.Globalization.CultureInfo.InvariantCulture);
        await host.DisposeAsync().AsTask().WaitAsync(Bound);
        var stat = $"/proc/{pid}/cmdline";
        Assert.False(
            File.Exists(stat) && (await File.ReadAllTextAsync(stat)).Contains("600", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_work_directory_that_may_not_be_wiped_is_refused_and_nothing_is_deleted()
    {
        var precious = _directory.At("work", "thesis.txt");
        Directory.CreateDirectory(Path.GetDirectoryName(precious)!);
        await File.WriteAllTextAsync(precious, "mine");
        await Assert.ThrowsAsync<FaultException>(
            () => WorkerHost.StartAsync(Options, NullLoggerFactory.Instance, TimeProvider.System));
        Assert.True(File.Exists(precious));
    }

    [Fact]
    public async Task Workers_live_in_somebody_elses_actor_system_too()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddAkka(
            "theirs", akka => akka.AddNativeLinkWorkers(Options, NullLoggerFactory.Instance, TimeProvider.System));
        using var theirs = builder.Build();
        await theirs.StartAsync();
        await SayAsync(Start("one", "echo hello > out"));
        Assert.Equal("one", (await _scheduler.HearAsync()).ExecuteComplete.OperationId);
        Assert.Equal(0, (await _scheduler.HearAsync()).ExecuteResult.ExecuteResponse.Result.ExitCode);
        Assert.False((await theirs.Services.GetRequiredService<ActorRegistry>().GetAsync<WorkerPool>()).IsNobody());
        await theirs.StopAsync();
    }

    [Fact]
    public async Task Somebody_elses_host_that_stops_lets_what_runs_finish_first()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddAkka("theirs", akka => akka.AddNativeLinkDefaults(NullLoggerFactory.Instance)
            .AddNativeLinkWorkers(Options, NullLoggerFactory.Instance, TimeProvider.System));
        using var theirs = builder.Build();
        await theirs.StartAsync();
        var (begun, go) = (_directory.At("begun"), _directory.At("go"));
        await SayAsync(Start("one", $"touch {begun}; while [ ! -e {go} ]; do sleep 0.02; done; echo hello > out"));
        await ExistsAsync(begun);
        var stopping = theirs.StopAsync();
        Assert.Equal(StatusCode.ResourceExhausted, await RefusalAsync());
        await File.WriteAllTextAsync(go, "");
        Assert.Equal("one", (await _scheduler.HearAsync()).ExecuteComplete.OperationId);
        Assert.Equal(0, (await _scheduler.HearAsync()).ExecuteResult.ExecuteResponse.Result.ExitCode);
        Assert.NotNull((await _scheduler.HearAsync()).GoingAwayRequest);
        await stopping.WaitAsync(Bound);
    }

    [Fact]
    public async Task Somebody_elses_system_gives_a_drain_the_time_that_its_own_bound_allows()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddAkka(
            "theirs", akka => akka.AddNativeLinkWorkers(Options, NullLoggerFactory.Instance, TimeProvider.System));
        using var theirs = builder.Build();
        await theirs.StartAsync();
        var shutdown = CoordinatedShutdown.Get(theirs.Services.GetRequiredService<ActorSystem>());
        Assert.True(shutdown.Timeout(CoordinatedShutdown.PhaseBeforeServiceUnbind) >= Options.DrainTimeout);
        Assert.True(shutdown.Timeout(CoordinatedShutdown.PhaseServiceStop) >= TimeSpan.FromSeconds(30));
        await theirs.StopAsync();
    }

    [Fact]
    public async Task Workers_that_cannot_be_added_hold_nothing()
    {
        var others = Options with
        {
            SharedStore = null,
            LocalStore = new ContentStoreOptions(_directory.At("cas2"), _directory.At("cas2-temp")),
            DirectoryCache = Options.DirectoryCache! with { Root = _directory.At("trees2") },
            Workers = [Options.Workers[0] with { WorkDirectory = _directory.At("work2") }],
        };
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddAkka("theirs", akka => akka
            .WithActors((system, _) => system.ActorOf(Props.Empty, "nativelink-workers"))
            .AddNativeLinkWorkers(others, NullLoggerFactory.Instance, TimeProvider.System));
        using var theirs = builder.Build();
        await Assert.ThrowsAsync<InvalidActorNameException>(() => theirs.StartAsync());
        await using var host = await WorkerHost.StartAsync(others, NullLoggerFactory.Instance, TimeProvider.System);
        await host.Registered.WaitAsync(Bound);
    }

    private async Task SayAsync(Wire.UpdateForWorker update)
    {
        await _scheduler.Connected.WaitAsync(Bound);
        _scheduler.Say(update);
    }

    /// <summary>
    /// Sends work until it is refused: a drain goes through
    /// several mailboxes, and the wire may be faster.
    /// </summary>
    private async Task<StatusCode> RefusalAsync()
    {
        for (var late = 0; ; late++)
        {
            await SayAsync(Start($"late-{late}", "true"));
            var heard = await _scheduler.HearAsync();
            if (heard.ExecuteComplete is not null)
                heard = await _scheduler.HearAsync();
            Assert.Equal($"late-{late}", heard.ExecuteResult.OperationId);
            if (heard.ExecuteResult.InternalError is { } refused)
                return (StatusCode)refused.Code;
        }
    }

    private static Task ExistsAsync(string path) =>
        Eventually.HoldsAsync(() => File.Exists(path), () => $"there is no {path}");
}
