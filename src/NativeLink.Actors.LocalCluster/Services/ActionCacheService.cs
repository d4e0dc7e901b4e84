using Grpc.Core;
using NativeLink.Actors.LocalCluster.Requests;
using NativeLink.Actors.LocalCluster.Results;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>REAPI <c>ActionCache</c>: entries with lost blobs count as absent (protos/README.md 2.7).</summary>
internal sealed class ActionCacheService(
    ActionCacheStore cache, CompletenessChecking results, LocalClusterOptions options)
        : Reapi.ActionCache.ActionCacheBase
{
    public override Task<Reapi.ActionResult> GetActionResult(
        Reapi.GetActionResultRequest request, ServerCallContext context)
    {
        RequestChecks.Instance(options.Instances, request.InstanceName);
        var action = RequestChecks.Digest(request.ActionDigest, RequestChecks.Function(request.DigestFunction),
            "the action");
        return Task.FromResult(results.Find(action) ?? throw RequestChecks.NotFound(""));
    }

    public override Task<Reapi.ActionResult> UpdateActionResult(
        Reapi.UpdateActionResultRequest request, ServerCallContext context)
    {
        RequestChecks.Instance(options.Instances, request.InstanceName);
        var action = RequestChecks.Digest(request.ActionDigest, RequestChecks.Function(request.DigestFunction),
            "the action");
        if (options.ReadOnlyActionCaches.Contains(request.InstanceName))
            throw new RpcException(new Status(StatusCode.PermissionDenied,
                $"the action cache of the instance '{request.InstanceName}' is read_only for clients"));
        if (request.ActionResult is null)
            throw RequestChecks.Invalid($"action_result of {action} is missing");
        try
        {
            cache.Put(action, request.ActionResult);
        }
        catch (FaultException error)
        {
            throw new RpcException(RequestChecks.StatusOf(error));
        }
        return Task.FromResult(request.ActionResult);
    }
}
