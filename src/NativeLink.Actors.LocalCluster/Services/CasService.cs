using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.Storage.Filesystem;
using GoogleStatus = Google.Rpc.Status;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>REAPI <c>ContentAddressableStorage</c> over the content store (wire contract 2.6). Answers come in the order of the request.</summary>
internal sealed class CasService(ContentStore store, LocalClusterOptions options) : Reapi.ContentAddressableStorage.ContentAddressableStorageBase
{
    private static readonly GoogleStatus Ok = new();

    public override Task<Reapi.FindMissingBlobsResponse> FindMissingBlobs(Reapi.FindMissingBlobsRequest request, ServerCallContext context)
    {
        RequestChecks.Instance(options.Instances, request.InstanceName);
        var function = RequestChecks.Function(request.DigestFunction);
        var response = new Reapi.FindMissingBlobsResponse();
        foreach (var wire in request.BlobDigests)
        {
            if (!store.Contains(RequestChecks.Digest(wire, function, "a blob")))
                response.MissingBlobDigests.Add(wire);
        }
        return Task.FromResult(response);
    }

    public override Task<Reapi.BatchUpdateBlobsResponse> BatchUpdateBlobs(Reapi.BatchUpdateBlobsRequest request, ServerCallContext context)
    {
        RequestChecks.Instance(options.Instances, request.InstanceName);
        var function = RequestChecks.Function(request.DigestFunction);
        var digests = request.Requests.Select(entry => RequestChecks.Digest(entry.Digest, function, "a blob")).ToArray();
        for (var i = 0; i < digests.Length; i++)
            CheckEntry(request.Requests[i], digests[i]);
        var response = new Reapi.BatchUpdateBlobsResponse();
        for (var i = 0; i < digests.Length; i++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            response.Responses.Add(new Reapi.BatchUpdateBlobsResponse.Types.Response { Digest = request.Requests[i].Digest, Status = Store(request.Requests[i], digests[i]) });
        }
        return Task.FromResult(response);
    }

    public override Task<Reapi.BatchReadBlobsResponse> BatchReadBlobs(Reapi.BatchReadBlobsRequest request, ServerCallContext context)
    {
        RequestChecks.Instance(options.Instances, request.InstanceName);
        var function = RequestChecks.Function(request.DigestFunction);
        var digests = request.Digests.Select(wire => RequestChecks.Digest(wire, function, "a blob")).ToArray();
        var limit = Math.Max(options.MaxMessageBytes, options.MaxBatchTotalSizeBytes);
        if (digests.Sum(digest => (decimal)digest.SizeBytes) is var total && total > limit)
            throw RequestChecks.Invalid($"the blobs asked for have {total} bytes together; ask for at most {options.MaxBatchTotalSizeBytes} at once, and for larger ones by ByteStream");
        var compress = options.Compression && request.AcceptableCompressors.Contains(Reapi.Compressor.Types.Value.Zstd);
        using var batch = new BatchCompression(compress);
        var response = new Reapi.BatchReadBlobsResponse();
        for (var i = 0; i < digests.Length; i++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            response.Responses.Add(Load(request.Digests[i], digests[i], batch));
        }
        return Task.FromResult(response);
    }

    public override async Task GetTree(Reapi.GetTreeRequest request, IServerStreamWriter<Reapi.GetTreeResponse> responseStream, ServerCallContext context)
    {
        RequestChecks.Instance(options.Instances, request.InstanceName);
        var root = RequestChecks.Digest(request.RootDigest, RequestChecks.Function(request.DigestFunction), "the tree's root");
        if (request.PageSize < 0)
            throw RequestChecks.Invalid($"page_size {request.PageSize} must not be negative");
        foreach (var page in new TreePages(store, root).Read(request.PageSize, request.PageToken))
            await responseStream.WriteAsync(page, context.CancellationToken);
    }

    private void CheckEntry(Reapi.BatchUpdateBlobsRequest.Types.Request entry, in Digest digest)
    {
        switch (entry.Compressor)
        {
            case Reapi.Compressor.Types.Value.Identity:
                if (entry.Data.Length != digest.SizeBytes)
                    throw RequestChecks.Invalid($"the data of {digest} has {entry.Data.Length} bytes");
                break;
            case Reapi.Compressor.Types.Value.Zstd when options.Compression:
                break;
            default:
                throw RequestChecks.Invalid($"compressor {entry.Compressor} of {digest} is not served; see GetCapabilities");
        }
    }

    private GoogleStatus Store(Reapi.BatchUpdateBlobsRequest.Types.Request entry, in Digest digest)
    {
        try
        {
            if (store.Contains(digest))
                return Ok;
            if (entry.Compressor == Reapi.Compressor.Types.Value.Zstd)
                StoreCompressed(entry.Data.Span, digest);
            else
                store.Put(digest, entry.Data.Span);
            return Ok;
        }
        catch (Exception error) when (error is RpcException or FaultException or IOException)
        {
            return ToWire(RequestChecks.StatusOf(error));
        }
    }

    private void StoreCompressed(ReadOnlySpan<byte> data, in Digest digest)
    {
        using var upload = new ZstdUpload(new ResourceName("", "batch", BlobCompressor.Zstd, digest, NamesFunction: false), store);
        upload.Append(0, data);
        upload.Finish(data.Length);
    }

    private Reapi.BatchReadBlobsResponse.Types.Response Load(Reapi.Digest wire, in Digest digest, BatchCompression batch)
    {
        try
        {
            if (BlobReads.TryReadAll(store, digest) is not { } bytes)
                return new() { Digest = wire, Status = ToWire(new Status(StatusCode.NotFound, $"blob {digest} is not in the CAS")) };
            return batch.TryCompress(bytes) is { } smaller
                ? new() { Digest = wire, Status = Ok, Data = smaller, Compressor = Reapi.Compressor.Types.Value.Zstd }
                : new() { Digest = wire, Status = Ok, Data = UnsafeByteOperations.UnsafeWrap(bytes) };
        }
        catch (Exception error) when (error is RpcException or FaultException or IOException)
        {
            return new() { Digest = wire, Status = ToWire(RequestChecks.StatusOf(error)) };
        }
    }

    private static GoogleStatus ToWire(Status status) => new() { Code = (int)status.StatusCode, Message = status.Detail };
}
