using Grpc.Core;
using Grpc.Net.Client;
using NativeLink.Actors.LocalCluster.Tests.Scheduling;

namespace NativeLink.Actors.LocalCluster.Tests.Host;

/// <summary>What a configuration forbids is not to be had.</summary>
public sealed class ProtectionTests
{
    private static readonly Reapi.Digest Action = Blobs.DigestOf("action"u8).ToWire();

    [Fact]
    public async Task A_read_only_action_cache_is_read_and_not_written_by_clients_of_its_instance()
    {
        await using var cluster = await RunningCluster.StartAsync(
            options => options with { Instances = ["closed", "open"], ReadOnlyActionCaches = ["closed"] });
        var update = new Reapi.UpdateActionResultRequest
        {
            InstanceName = "closed",
            ActionDigest = Action,
            ActionResult = new() { ExitCode = 1 },
        };
        await Blobs.FailsWithAsync(StatusCode.PermissionDenied,
            () => cluster.Actions.UpdateActionResultAsync(update).ResponseAsync);
        update.InstanceName = "open";
        await cluster.Actions.UpdateActionResultAsync(update);
        Assert.Equal(1, (await cluster.Actions.GetActionResultAsync(new()
        {
            InstanceName = "closed",
            ActionDigest = Action,
        })).ExitCode);
        foreach (var (instance, may) in new[] { ("closed", false), ("open", true) })
            Assert.Equal(may, (await cluster.Capabilities.GetCapabilitiesAsync(
                new() { InstanceName = instance })).CacheCapabilities.ActionCacheUpdateCapabilities.UpdateEnabled);
    }

    [Fact]
    public async Task A_cluster_that_serves_only_a_cache_says_so_and_executes_nothing()
    {
        await using var cluster = await RunningCluster.StartAsync(
            options => options with { ExecutionInstances = [], ServesWorkerApi = false });
        Assert.Null((await cluster.Capabilities.GetCapabilitiesAsync(new())).ExecutionCapabilities);
        using var channel = GrpcChannel.ForAddress($"http://{cluster.Server.ClientAddress}");
        using var call = new Reapi.Execution.ExecutionClient(channel).Execute(new() { ActionDigest = Action });
        await Blobs.FailsWithAsync(StatusCode.Unimplemented,
            () => call.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal(cluster.Server.ClientAddress, cluster.Server.WorkerApiAddress);
        await using var worker = ScriptedWorker.Open(cluster.Server.ClientAddress);
        Assert.Equal(StatusCode.Unimplemented, (await worker.EndedAsync()).StatusCode);
    }

    [Fact]
    public async Task Only_the_instances_that_execute_execute()
    {
        await using var cluster = await RunningCluster.StartAsync(
            options => options with { Instances = ["cache", "all"], ExecutionInstances = ["all"] });
        Assert.Null((await cluster.Capabilities.GetCapabilitiesAsync(new()
        {
            InstanceName = "cache",
        })).ExecutionCapabilities);
        Assert.True((await cluster.Capabilities.GetCapabilitiesAsync(new()
        {
            InstanceName = "all",
        })).ExecutionCapabilities.ExecEnabled);
        using var channel = GrpcChannel.ForAddress($"http://{cluster.Server.ClientAddress}");
        using var call = new Reapi.Execution.ExecutionClient(channel).Execute(new()
        {
            InstanceName = "cache",
            ActionDigest = Action,
        });
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument,
            () => call.ResponseStream.MoveNext(CancellationToken.None));
    }

    [Fact]
    public async Task Workers_are_served_at_their_own_address_alone()
    {
        await using var cluster = await RunningCluster.StartAsync();
        await using var stranger = ScriptedWorker.Open(cluster.Server.ClientAddress);
        await stranger.RegisterAsync();
        Assert.Equal(StatusCode.Unimplemented, (await stranger.EndedAsync()).StatusCode);
        await using var worker = await ScriptedWorker.ConnectAsync(cluster.Server.WorkerApiAddress);
        Assert.NotEmpty(worker.Id);
    }

    [Fact]
    public async Task One_address_for_both_serves_workers_too()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var free = cluster.Server.ClientAddress;
        await cluster.Server.DisposeAsync();
        await using var both = await RunningCluster.StartAsync(
            options => options with { Listen = free, WorkerApiListen = free });
        await using var worker = await ScriptedWorker.ConnectAsync(free);
        Assert.NotEmpty(worker.Id);
    }

    [Fact]
    public async Task An_address_that_is_taken_is_named_once()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var taken = cluster.Server.WorkerApiAddress;
        var error = await Assert.ThrowsAsync<FaultException>(
            () => RunningCluster.StartAsync(options => options with { WorkerApiListen = taken }));
        Assert.Equal(2, error.Fault.Detail.Split(taken.ToString()).Length);
        Assert.StartsWith($"cannot listen on {taken}: ", error.Fault.Detail, StringComparison.Ordinal);
    }
}
