using Grpc.Core;
using NativeLink.Actors.LocalCluster.Tests.Host;
using Function = Build.Bazel.Remote.Execution.V2.DigestFunction.Types.Value;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

public sealed class CapabilitiesTests
{
    [Fact]
    public async Task NL_344_NL_345_The_capabilities_are_those_that_clients_need()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var all = await cluster.Capabilities.GetCapabilitiesAsync(new() { InstanceName = "any/name" });
        Assert.Equal((2, 0, 2, 3),
            (all.LowApiVersion.Major, all.LowApiVersion.Minor, all.HighApiVersion.Major, all.HighApiVersion.Minor));
        Assert.Equal([Function.Sha256, Function.Blake3], all.CacheCapabilities.DigestFunctions);
        Assert.True(all.CacheCapabilities.ActionCacheUpdateCapabilities.UpdateEnabled);
        Assert.Equal(4_000_000 - 65_536, all.CacheCapabilities.MaxBatchTotalSizeBytes);
        Assert.Equal([Reapi.Compressor.Types.Value.Zstd], all.CacheCapabilities.SupportedCompressors);
        Assert.Equal([Reapi.Compressor.Types.Value.Zstd], all.CacheCapabilities.SupportedBatchUpdateCompressors);
        Assert.True(all.ExecutionCapabilities.ExecEnabled);
        Assert.Equal(Function.Sha256, all.ExecutionCapabilities.DigestFunction);
        Assert.Equal([Function.Sha256, Function.Blake3], all.ExecutionCapabilities.DigestFunctions);
        Assert.Equal(int.MaxValue, all.ExecutionCapabilities.ExecutionPriorityCapabilities.Priorities[0].MaxPriority);
    }

    [Fact]
    public async Task Compression_is_offered_only_when_it_is_on_and_the_batch_limit_is_the_configured_one()
    {
        await using var cluster = await RunningCluster.StartAsync(
            options => options with { Compression = false, MaxBatchTotalSizeBytes = 65_536 });
        var cache = (await cluster.Capabilities.GetCapabilitiesAsync(new())).CacheCapabilities;
        Assert.Empty(cache.SupportedCompressors);
        Assert.Empty(cache.SupportedBatchUpdateCompressors);
        Assert.Equal(65_536, cache.MaxBatchTotalSizeBytes);
    }

    [Fact]
    public async Task NL_286_Every_service_refuses_an_instance_that_is_not_configured()
    {
        await using var cluster = await RunningCluster.StartAsync(options => options with { Instances = ["main", ""] });
        Func<string, Task>[] calls =
        [
            name => cluster.Capabilities.GetCapabilitiesAsync(new() { InstanceName = name }).ResponseAsync,
            name => cluster.Cas.FindMissingBlobsAsync(new() { InstanceName = name }).ResponseAsync,
            name => cluster.Cas.BatchReadBlobsAsync(new() { InstanceName = name }).ResponseAsync,
            name => cluster.Cas.BatchUpdateBlobsAsync(new() { InstanceName = name }).ResponseAsync,
        ];
        foreach (var call in calls)
        {
            var error = await Blobs.FailsWithAsync(StatusCode.InvalidArgument, () => call("other"));
            Assert.Equal("instance_name 'other' is not configured; served: 'main', ''", error.Status.Detail);
            await call("main");
            await call("");
        }
    }
}
