using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.BlobAccess;
using NativeLink.Actors.LocalCluster.Requests;
using NativeLink.Actors.Storage.Filesystem;
using GoogleStatus = Google.Rpc.Status;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>
/// REAPI <c>ContentAddressableStorage</c> over the content store (protos/README.md 2.6). Answers
/// come in the order of the request, and each entry of a batch has a status of its own.
/// </summary>
internal sealed class CasService(ContentStore store, PartialUploads uploads, LocalClusterOptions options)
    : Reapi.ContentAddressableStorage.ContentAddressableStorageBase
{
    private static readonly GoogleStatus Ok = new();

    // Short, since there may be tens of thousands of them in an answer, and the digest stands beside it.
    private static readonly GoogleStatus NotHere = new()
    {
        Code = (int)StatusCode.NotFound,
        Message = "not in the CAS",
    };
    private static readonly GoogleStatus AnswerIsFull = new()
    {
        Code = (int)StatusCode.ResourceExhausted,
        Message = "the answer is full; ask again",
    };

    private int MostBatchBytes => Math.Max(options.MaxMessageBytes, options.MaxBatchTotalSizeBytes);

    public override Task<Reapi.FindMissingBlobsResponse> FindMissingBlobs(
        Reapi.FindMissingBlobsRequest request, ServerCallContext context)
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

    public override Task<Reapi.BatchUpdateBlobsResponse> BatchUpdateBlobs(
        Reapi.BatchUpdateBlobsRequest request, ServerCallContext context)
    {
        RequestChecks.Instance(options.Instances, request.InstanceName);
        var function = RequestChecks.Function(request.DigestFunction);
        if (request.Requests.Sum(entry => (long)entry.Data.Length) is var total && total > MostBatchBytes)
            throw RequestChecks.Invalid(
                $"the blobs sent have {total} bytes together; send at most {options.MaxBatchTotalSizeBytes} at " +
                "once, and larger ones by ByteStream");
        foreach (var entry in request.Requests)
            CheckCompressor(entry);
        var response = new Reapi.BatchUpdateBlobsResponse();
        foreach (var entry in request.Requests)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            response.Responses.Add(new Reapi.BatchUpdateBlobsResponse.Types.Response
            {
                Digest = entry.Digest,
                Status = Store(entry, function),
            });
        }
        return Task.FromResult(response);
    }

    public override Task<Reapi.BatchReadBlobsResponse> BatchReadBlobs(
        Reapi.BatchReadBlobsRequest request, ServerCallContext context)
    {
        RequestChecks.Instance(options.Instances, request.InstanceName);
        var function = RequestChecks.Function(request.DigestFunction);
        if (request.Digests.Sum(digest => (decimal)Math.Max(0, digest.SizeBytes)) is var total
            && total > MostBatchBytes)
            throw RequestChecks.Invalid(
                $"the blobs asked for have {total} bytes together; ask for at most {options.MaxBatchTotalSizeBytes} " +
                "at once, and for larger ones by ByteStream");
        using var batch = new BatchCompression(options.Compression
            && request.AcceptableCompressors.Contains(Reapi.Compressor.Types.Value.Zstd));
        var budget = new BatchResponseBudget(request.Digests);
        var response = new Reapi.BatchReadBlobsResponse();
        foreach (var wire in request.Digests)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            response.Responses.Add(Load(wire, function, batch, budget));
        }
        return Task.FromResult(response);
    }

    public override async Task GetTree(
        Reapi.GetTreeRequest request, IServerStreamWriter<Reapi.GetTreeResponse> responseStream,
        ServerCallContext context)
    {
        RequestChecks.Instance(options.Instances, request.InstanceName);
        var root = RequestChecks.Digest(request.RootDigest, RequestChecks.Function(request.DigestFunction),
            "the tree's root");
        if (request.PageSize < 0)
            throw RequestChecks.Invalid($"page_size {request.PageSize} must not be negative");
        foreach (var page in new TreePages(store, root).Read(request.PageSize, request.PageToken))
            await responseStream.WriteAsync(page, context.CancellationToken);
    }

    private void CheckCompressor(Reapi.BatchUpdateBlobsRequest.Types.Request entry)
    {
        if (entry.Compressor != Reapi.Compressor.Types.Value.Identity
            && !(entry.Compressor == Reapi.Compressor.Types.Value.Zstd && options.Compression))
            throw RequestChecks.Invalid(
                $"compressor {entry.Compressor} of {entry.Digest?.Hash} is not served; see GetCapabilities");
    }

    private GoogleStatus Store(Reapi.BatchUpdateBlobsRequest.Types.Request entry, DigestFunction function)
    {
        try
        {
            var digest = RequestChecks.Digest(entry.Digest, function, "a blob");
            if (entry.Compressor == Reapi.Compressor.Types.Value.Identity && entry.Data.Length != digest.SizeBytes)
                throw RequestChecks.Invalid($"the data of {digest} has {entry.Data.Length} bytes");
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
        using var upload = new ZstdUpload(
            new ResourceName("", "batch", BlobCompressor.Zstd, digest, NamesFunction: false), store, uploads.Budget);
        upload.Append(0, data);
        upload.Finish(data.Length);
    }

    private Reapi.BatchReadBlobsResponse.Types.Response Load(
        Reapi.Digest wire, DigestFunction function, BatchCompression batch, BatchResponseBudget budget)
    {
        try
        {
            var digest = RequestChecks.Digest(wire, function, "a blob");
            if (BlobReads.TryReadAll(store, digest) is not { } bytes)
                return new() { Digest = wire, Status = NotHere };
            var smaller = batch.TryCompress(bytes);
            if (!budget.TryTake(smaller?.Length ?? bytes.Length))
                return new() { Digest = wire, Status = AnswerIsFull };
            return smaller is not null
                ? new() { Digest = wire, Status = Ok, Data = smaller, Compressor = Reapi.Compressor.Types.Value.Zstd }
                : new() { Digest = wire, Status = Ok, Data = UnsafeByteOperations.UnsafeWrap(bytes) };
        }
        catch (Exception error) when (error is RpcException or FaultException or IOException)
        {
            return new() { Digest = wire, Status = ToWire(RequestChecks.StatusOf(error)) };
        }
    }

    private static GoogleStatus ToWire(Status status) => new()
    {
        Code = (int)status.StatusCode,
        Message = status.Detail,
    };
}
