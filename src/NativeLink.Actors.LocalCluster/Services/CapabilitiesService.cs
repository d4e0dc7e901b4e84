using Build.Bazel.Semver;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Requests;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>
/// REAPI <c>Capabilities</c>: what this cluster really does
/// (protos/README.md 2.8). Bazel 4 speaks exactly 2.0.
/// </summary>
internal sealed class CapabilitiesService(
    ContentStore store, LocalClusterOptions options) : Reapi.Capabilities.CapabilitiesBase
{
    private static readonly Reapi.DigestFunction.Types.Value[] Functions = [Reapi.DigestFunction.Types.Value.Sha256,
        Reapi.DigestFunction.Types.Value.Blake3];

    public override Task<Reapi.ServerCapabilities> GetCapabilities(
        Reapi.GetCapabilitiesRequest request, ServerCallContext context)
    {
        RequestChecks.Instance(options.Instances, request.InstanceName);
        return Task.FromResult(new Reapi.ServerCapabilities
        {
            CacheCapabilities = Cache(request.InstanceName),
            ExecutionCapabilities = options.ExecutionInstances is { } executing
                && !executing.Contains(request.InstanceName) ? null : Execution(),
            LowApiVersion = new SemVer { Major = 2 },
            HighApiVersion = new SemVer { Major = 2, Minor = 3 },
        });
    }

    private Reapi.CacheCapabilities Cache(string instance)
    {
        var cache = new Reapi.CacheCapabilities
        {
            DigestFunctions = { Functions },
            ActionCacheUpdateCapabilities = new Reapi.ActionCacheUpdateCapabilities
            {
                UpdateEnabled = !options.ReadOnlyActionCaches.Contains(instance),
            },
            MaxBatchTotalSizeBytes = options.MaxBatchTotalSizeBytes,
            MaxCasBlobSizeBytes = store.LargestBlobBytes,
            SymlinkAbsolutePathStrategy = Reapi.SymlinkAbsolutePathStrategy.Types.Value.Allowed,
        };
        if (options.Compression)
        {
            cache.SupportedCompressors.Add(Reapi.Compressor.Types.Value.Zstd);
            cache.SupportedBatchUpdateCompressors.Add(Reapi.Compressor.Types.Value.Zstd);
        }
        return cache;
    }

    private static Reapi.ExecutionCapabilities Execution() => new()
    {
        DigestFunction = Reapi.DigestFunction.Types.Value.Sha256,
        DigestFunctions = { Functions },
        ExecEnabled = true,
        ExecutionPriorityCapabilities = new Reapi.PriorityCapabilities
        {
            Priorities = { new Reapi.PriorityCapabilities.Types.PriorityRange
            {
                MinPriority = 0,
                MaxPriority = int.MaxValue,
            } },
        },
    };
}
