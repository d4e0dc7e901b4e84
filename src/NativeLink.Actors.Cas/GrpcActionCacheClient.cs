using NativeLink.Actors.Cas.Channels;
namespace NativeLink.Actors.Cas;

/// <summary>
/// An action cache behind gRPC; entries go to the instance that its own configuration names
/// (protos/README.md 2.7, 4.8).
/// </summary>
/// <exception cref="FaultException">Worker: no endpoint, or a TLS file cannot be used.</exception>
internal sealed class GrpcActionCacheClient(
    GrpcStoreOptions options, TimeProvider time, Random random) : IActionCacheClient
{
    private readonly RpcCaller _caller = new(options, time, random);

    public Task UpdateAsync(Digest action, Reapi.ActionResult result, CancellationToken cancellation)
    {
        var request = new Reapi.UpdateActionResultRequest
        {
            InstanceName = options.InstanceName,
            ActionDigest = action.ToWire(),
            ActionResult = result,
            DigestFunction = action.Function.ToWire(),
        };
        return _caller.CallAsync($"UpdateActionResult of {action}", 0, async attempt =>
            await new Reapi.ActionCache.ActionCacheClient(attempt.Invoker).UpdateActionResultAsync(
                request, attempt.Options), cancellation);
    }

    public ValueTask DisposeAsync()
    {
        _caller.Dispose();
        return ValueTask.CompletedTask;
    }
}
