using Google.Protobuf;
using Grpc.Core;

namespace NativeLink.Actors.Testing.Cas;

internal sealed class FakeCasService(
    FakeCasServer server) : Reapi.ContentAddressableStorage.ContentAddressableStorageBase
{
    public override async Task<Reapi.FindMissingBlobsResponse> FindMissingBlobs(
        Reapi.FindMissingBlobsRequest request, ServerCallContext context)
    {
        await server.EnterAsync("FindMissingBlobs", request, context);
        var function = Function(request.DigestFunction);
        var response = new Reapi.FindMissingBlobsResponse();
        response.MissingBlobDigests.AddRange(request.BlobDigests.Where(
            wire => wire.SizeBytes > 0 && !server.Blobs.ContainsKey(Digest.FromWire(wire, function, "a blob"))));
        return response;
    }

    public override async Task<Reapi.BatchReadBlobsResponse> BatchReadBlobs(
        Reapi.BatchReadBlobsRequest request, ServerCallContext context)
    {
        await server.EnterAsync("BatchReadBlobs", request, context);
        RefuseAbove(request.Digests.Sum(digest => digest.SizeBytes));
        var function = Function(request.DigestFunction);
        var packed = server.CompressesBatches
            && request.AcceptableCompressors.Contains(Reapi.Compressor.Types.Value.Zstd);
        var response = new Reapi.BatchReadBlobsResponse();
        // The order of the answer is not that of the request.
        foreach (var wire in request.Digests.Reverse())
        {
            var entry = new Reapi.BatchReadBlobsResponse.Types.Response
            {
                Digest = wire,
                Status = new Google.Rpc.Status(),
            };
            if (server.Find(Digest.FromWire(wire, function, "a blob")) is not { } content)
                entry.Status.Code = (int)StatusCode.NotFound;
            else if (packed)
                (entry.Data, entry.Compressor) = (ByteString.CopyFrom(new ZstdSharp.Compressor(3).Wrap(content)),
                    Reapi.Compressor.Types.Value.Zstd);
            else
                entry.Data = ByteString.CopyFrom(content);
            response.Responses.Add(entry);
        }
        return response;
    }

    public override async Task<Reapi.BatchUpdateBlobsResponse> BatchUpdateBlobs(
        Reapi.BatchUpdateBlobsRequest request, ServerCallContext context)
    {
        await server.EnterAsync("BatchUpdateBlobs", request, context);
        RefuseAbove(request.Requests.Sum(entry => (long)entry.Data.Length));
        var function = Function(request.DigestFunction);
        var response = new Reapi.BatchUpdateBlobsResponse();
        foreach (var entry in request.Requests.Reverse())
        {
            var content = entry.Compressor == Reapi.Compressor.Types.Value.Zstd
                ? new ZstdSharp.Decompressor().Unwrap(entry.Data.Span).ToArray()
                : entry.Data.ToByteArray();
            var digest = Digest.FromWire(entry.Digest, function, "a blob");
            var status = new Google.Rpc.Status();
            if (server.Refused.Contains(digest))
                (status.Code, status.Message) = ((int)StatusCode.InvalidArgument, "the test wants it");
            else
                server.Store(digest, content);
            response.Responses.Add(new Reapi.BatchUpdateBlobsResponse.Types.Response
            {
                Digest = entry.Digest,
                Status = status,
            });
        }
        return response;
    }

    private void RefuseAbove(long bytes)
    {
        if (bytes > server.MostBatchBytes)
            throw new RpcException(
                new Status(StatusCode.InvalidArgument, $"a batch of {bytes} bytes, more than {server.MostBatchBytes}"));
    }

    public override async Task GetTree(
        Reapi.GetTreeRequest request, IServerStreamWriter<Reapi.GetTreeResponse> responseStream,
        ServerCallContext context)
    {
        await server.EnterAsync("GetTree", request, context);
        var function = Function(request.DigestFunction);
        var all = new List<Reapi.Directory>();
        var open = new Queue<Digest>([Digest.FromWire(request.RootDigest, function, "the root")]);
        var first = request.PageToken.Length == 0
            ? 0
            : int.Parse(request.PageToken, System.Globalization.CultureInfo.InvariantCulture);
        var end = request.PageSize == 0 ? int.MaxValue : first + request.PageSize;
        // Not further than the page and what says that there is another: a tree can be larger than any memory.
        while (all.Count <= end && open.TryDequeue(out var digest))
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            var content = server.Find(digest)
                ?? throw new RpcException(new Status(StatusCode.NotFound, $"directory {digest} is missing"));
            var directory = Reapi.Directory.Parser.ParseFrom(content);
            all.Add(directory);
            foreach (var child in directory.Directories)
                open.Enqueue(Digest.FromWire(child.Digest, function, child.Name));
        }
        // One page a call, as NativeLink does: the next one has to be asked for.
        var page = new Reapi.GetTreeResponse
        {
            NextPageToken = end < all.Count ? end.ToString(System.Globalization.CultureInfo.InvariantCulture) : "",
        };
        page.Directories.AddRange(all.Skip(first).Take(end - first));
        await responseStream.WriteAsync(page);
    }

    internal static DigestFunction Function(Reapi.DigestFunction.Types.Value value) =>
        DigestFunctions.TryFromWire(value, out var function)
            ? function
            : throw new RpcException(new Status(StatusCode.InvalidArgument, $"digest function {value}"));
}

internal sealed class FakeActionCacheService(FakeCasServer server) : Reapi.ActionCache.ActionCacheBase
{
    public override async Task<Reapi.ActionResult> GetActionResult(
        Reapi.GetActionResultRequest request, ServerCallContext context)
    {
        await server.EnterAsync("GetActionResult", request, context);
        return server.Results.TryGetValue(Digest.FromWire(
            request.ActionDigest, FakeCasService.Function(request.DigestFunction), "the action"), out var result)
            ? result
            : throw new RpcException(new Status(StatusCode.NotFound, ""));
    }

    public override async Task<Reapi.ActionResult> UpdateActionResult(
        Reapi.UpdateActionResultRequest request, ServerCallContext context)
    {
        await server.EnterAsync("UpdateActionResult", request, context);
        server.Results[Digest.FromWire(request.ActionDigest, FakeCasService.Function(request.DigestFunction),
            "the action")] = request.ActionResult;
        return request.ActionResult;
    }
}

internal sealed class FakeCapabilitiesService(FakeCasServer server) : Reapi.Capabilities.CapabilitiesBase
{
    public override async Task<Reapi.ServerCapabilities> GetCapabilities(
        Reapi.GetCapabilitiesRequest request, ServerCallContext context)
    {
        await server.EnterAsync("GetCapabilities", request, context);
        return server.Capabilities;
    }
}
