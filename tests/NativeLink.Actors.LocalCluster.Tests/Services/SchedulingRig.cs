using Google.LongRunning;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using NativeLink.Actors.LocalCluster.Tests.Host;
using NativeLink.Actors.LocalCluster.Tests.Scheduling;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

/// <summary>A running cluster with a client of its execution services; its workers are scripted.</summary>
internal sealed class SchedulingRig : IAsyncDisposable
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private readonly GrpcChannel _channel;

    private SchedulingRig(RunningCluster cluster)
    {
        Cluster = cluster;
        _channel = GrpcChannel.ForAddress($"http://{cluster.Server.ClientAddress}", new GrpcChannelOptions
        {
            MaxReceiveMessageSize = null,
        });
        Execution = new Reapi.Execution.ExecutionClient(_channel);
        Operations = new Operations.OperationsClient(_channel);
    }

    public RunningCluster Cluster { get; }

    public Reapi.Execution.ExecutionClient Execution { get; }

    public Operations.OperationsClient Operations { get; }

    /// <summary>Workers need no keep-alives for a minute unless the test changes that.</summary>
    public static async Task<SchedulingRig> StartAsync(Func<LocalClusterOptions, LocalClusterOptions>? change = null)
    {
        var scheduler = new SchedulerOptions
        {
            SupportedProperties = EngineRig.Types,
            WorkerTimeout = TimeSpan.FromSeconds(60),
        };
        return new SchedulingRig(await RunningCluster.StartAsync(o =>
        {
            o = o with { Scheduler = scheduler };
            return change is null ? o : change(o);
        }));
    }

    public Task<ScriptedWorker> ConnectAsync(ulong maxInflight = 0, params string[] properties) =>
        ScriptedWorker.ConnectAsync(Cluster.Server.WorkerApiAddress, maxInflight, properties);

    /// <summary>An action whose blobs are all in the CAS.</summary>
    public Reapi.Action MakeAction(string argument = "a", params string[] commandPlatform)
    {
        var command = new Reapi.Command { Arguments = { "/bin/true", argument } };
#pragma warning disable CS0612 // Older clients put it here.
        if (commandPlatform.Length > 0)
            command.Platform = Samples.Properties(commandPlatform);
#pragma warning restore CS0612
        return new Reapi.Action
        {
            CommandDigest = Cluster.Put(command.ToByteArray()).ToWire(),
            InputRootDigest = Cluster.Put(new Reapi.Directory
            {
                Files = { new Reapi.FileNode { Name = "f" } },
            }.ToByteArray()).ToWire(),
        };
    }

    public Reapi.ExecuteRequest Request(Reapi.Action action) => new()
    {
        InstanceName = "main",
        ActionDigest = Cluster.Put(action.ToByteArray()).ToWire(),
        DigestFunction = Reapi.DigestFunction.Types.Value.Sha256,
    };

    /// <summary>Every message of the stream, at most 20 s long.</summary>
    public static async Task<List<Operation>> ReadAllAsync(AsyncServerStreamingCall<Operation> call)
    {
        using var bound = new CancellationTokenSource(Bound);
        var all = new List<Operation>();
        await foreach (var operation in call.ResponseStream.ReadAllAsync(bound.Token))
            all.Add(operation);
        return all;
    }

    public static async Task<Operation> NextAsync(AsyncServerStreamingCall<Operation> call)
    {
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Bound));
        return call.ResponseStream.Current;
    }

    public static Reapi.ExecuteResponse ResponseOf(Operation operation)
    {
        Assert.True(operation.Done);
        return operation.Response.Unpack<Reapi.ExecuteResponse>();
    }

    public static Reapi.ExecutionStage.Types.Value StageOf(Operation operation) =>
        operation.Metadata.Unpack<Reapi.ExecuteOperationMetadata>().Stage;

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await Cluster.DisposeAsync();
    }
}
