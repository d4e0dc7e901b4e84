using System.Diagnostics;
using Akka.Actor;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Testing.Cas;
using NativeLink.Actors.Testing.Scheduling;
using NativeLink.Actors.Worker;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Connection.WorkerApi;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Testing.Workers;

/// <summary>
/// A whole worker in this process, with real files and processes,
/// between a scripted scheduler and a CAS in memory, both behind gRPC.
/// Everything on disk is below one directory, which is the caller's.
/// </summary>
public sealed class WorkerRig : IAsyncDisposable
{
    private static readonly TimeSpan CleanUpBound = TimeSpan.FromSeconds(20);

    private int _operations;

    private WorkerRig(string directory, FakeCasServer cas, ScriptedScheduler scheduler, WorkerHost host) =>
        (Directory, Cas, Scheduler, Host) = (directory, cas, scheduler, host);

    public string Directory { get; }

    public FakeCasServer Cas { get; }

    public ScriptedScheduler Scheduler { get; }

    public WorkerHost Host { get; }

    /// <summary>Where the actions' directories come and go.</summary>
    public string WorkDirectory => Path.Combine(Directory, "work");

    /// <param name="materialiser">Null: chosen by the worker.</param>
    /// <param name="system">Where the worker lives, the caller's; null: a system of its own.</param>
    /// <exception cref="FaultException">The materialiser does not work in this directory; says why.</exception>
    public static async Task<WorkerRig> StartAsync(
        string directory, string? materialiser, ILoggerFactory logs, Func<WorkerOptions, WorkerOptions>? change = null,
        ActorSystem? system = null)
    {
        var cas = await FakeCasServer.StartAsync();
        var scheduler = await ScriptedScheduler.StartAsync();
        try
        {
            var worker = new WorkerOptions
            {
                Connection = new ConnectionOptions
                {
                    SchedulerEndpoint = new WorkerApiEndpointOptions(new GrpcEndpointOptions(scheduler.Address)),
                    // A loaded machine must not look like a dead one.
                    EndpointTimeout = TimeSpan.FromSeconds(60),
                    MaxInflightTasks = 4,
                },
                Actions = new ExecutorOptions
                {
                    MaxActionTimeout = TimeSpan.FromMinutes(5),
                },
                WorkDirectory = Path.Combine(directory, "work"),
            };
            var options = new WorkerHostOptions
            {
                Cas = new CasOptions
                {
                    Grpc = new GrpcStoreOptions { Endpoints = [new GrpcEndpointOptions(cas.Address)] },
                },
                LocalStore = new ContentStoreOptions(Path.Combine(directory, "store"),
                    Path.Combine(directory, "store-temp")),
                DirectoryCache = new DirectoryCacheOptions(Path.Combine(directory, "trees"))
                {
                    ForcedMaterialiser = materialiser,
                },
                Workers = [change is null ? worker : change(worker)],
            };
            var host = system is null
                ? await WorkerHost.StartAsync(options, logs, TimeProvider.System)
                : await WorkerHost.JoinAsync(system, [options], logs, TimeProvider.System);
            await scheduler.Connected;
            return new WorkerRig(directory, cas, scheduler, host);
        }
        catch
        {
            await scheduler.DisposeAsync();
            await cas.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stores bytes in the CAS.</summary>
    public Digest Put(byte[] content, DigestFunction function)
    {
        var digest = Hashes.Of(content, function);
        if (!digest.IsEmpty)
            Cas.Blobs[digest] = content;
        return digest;
    }

    public Digest Put(IMessage message, DigestFunction function) => Put(message.ToByteArray(), function);

    /// <summary>A start message for an action that is in the CAS, with an operation id of its own.</summary>
    public Wire.StartExecute Start(Digest action) => new()
    {
        OperationId = $"operation-{Interlocked.Increment(ref _operations)}",
        QueuedTimestamp = new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = 1_700_000_000 },
        ExecuteRequest = new Reapi.ExecuteRequest
        {
            InstanceName = "main",
            ActionDigest = action.ToWire(),
            DigestFunction = action.Function == DigestFunction.Blake3
                ? Reapi.DigestFunction.Types.Value.Blake3
                : Reapi.DigestFunction.Types.Value.Sha256,
        },
    };

    /// <summary>Runs an action that is in the CAS.</summary>
    public Task<Wire.ExecuteResult> ExecuteAsync(Digest action) => Scheduler.ExecuteAsync(Start(action));

    /// <summary>
    /// What is left in the work directory of actions that have been answered. An answer leaves
    /// before its action's directory does, which has some time to go.
    /// </summary>
    public async Task<IReadOnlyList<string>> LeftOverAsync()
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            var left = System.IO.Directory.GetFileSystemEntries(WorkDirectory)
                .Where(path => !Path.GetFileName(path).StartsWith('.')).ToList();
            if (left.Count == 0 || Stopwatch.GetElapsedTime(began) > CleanUpBound)
                return left;
            await Task.Delay(5);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        await Scheduler.DisposeAsync();
        await Cas.DisposeAsync();
    }
}
