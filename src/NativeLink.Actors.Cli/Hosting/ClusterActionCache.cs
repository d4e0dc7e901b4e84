using NativeLink.Actors.Cas;
using NativeLink.Actors.LocalCluster.Results;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>
/// The action cache of the local cluster in this process,
/// written without a call in between; it stays the cluster's.
/// </summary>
internal sealed class ClusterActionCache(ActionCacheStore store) : IActionCacheClient
{
    public Task UpdateAsync(Digest action, Reapi.ActionResult result, CancellationToken cancellation)
    {
        store.Put(action, result);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
