using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Cas.Codec;
using CasStub = Build.Bazel.Remote.Execution.V2.ContentAddressableStorage.ContentAddressableStorageClient;

namespace NativeLink.Actors.Cas.Blobs;

/// <summary>
/// BatchReadBlobs and BatchUpdateBlobs: answers are matched by digest, and only what failed in a
/// way that may pass is asked again.
/// </summary>
internal sealed class BlobBatches(RpcCaller caller, string instance)
{
    private const Reapi.Compressor.Types.Value Packed = Reapi.Compressor.Types.Value.Zstd;

    public async Task<IReadOnlyList<BatchBlob>> ReadAsync(
        IReadOnlyCollection<Digest> digests, bool zstd, CancellationToken cancellation)
    {
        var answers = new Dictionary<Digest, BatchBlob>(digests.Count);
        var open = digests.ToHashSet();
        try
        {
            await caller.CallAsync($"BatchReadBlobs of {Count(digests.Count)}", digests.Sum(digest => digest.SizeBytes),
                async attempt =>
            {
                var request = new Reapi.BatchReadBlobsRequest
                {
                    InstanceName = instance,
                    DigestFunction = digests.First().Function.ToWire(),
                };
                request.Digests.AddRange(open.Select(digest => digest.ToWire()));
                if (zstd)
                    request.AcceptableCompressors.Add(Packed);
                var response = await new CasStub(attempt.Invoker).BatchReadBlobsAsync(request, attempt.Options);
                long bytes = 0;
                foreach (var entry in response.Responses)
                {
                    if (!Digest.TryFromWire(entry.Digest, digests.First().Function, out var digest)
                        || !open.Contains(digest))
                        continue;
                    answers[digest] = ToBlob(digest, entry);
                    bytes += answers[digest].Data.Length;
                    if (!MayPass(answers[digest].Fault))
                        open.Remove(digest);
                }
                CasMetrics.RecordDownload(bytes);
                return Again(open.Count, open.Select(digest => answers.GetValueOrDefault(digest).Fault));
            }, cancellation);
        }
        catch (FaultException) when (answers.Count > 0)
        {
            // The blobs that came are good; each of the others tells its own fault.
        }
        foreach (var digest in open.Where(digest => !answers.ContainsKey(digest)))
            answers[digest] = new BatchBlob(digest, default, caller.ToFault(
                $"BatchReadBlobs of {digest}", StatusCode.Internal, "the server left it out of its answer"));
        return [.. answers.Values];
    }

    /// <summary>
    /// Answers those that were refused; entries are
    /// independent of each other (REAPI BatchUpdateBlobs).
    /// </summary>
    public async Task<IReadOnlyDictionary<Digest, Fault>> WriteAsync(
        IReadOnlyCollection<(Digest Digest, ReadOnlyMemory<byte> Data)> blobs, bool zstd,
        CancellationToken cancellation)
    {
        var function = blobs.First().Digest.Function;
        var open = new Dictionary<Digest, Reapi.BatchUpdateBlobsRequest.Types.Request>(blobs.Count);
        foreach (var (digest, data) in blobs)
            open[digest] = ToRequest(digest, data, zstd);
        var (refused, passing, count) = (new Dictionary<Digest, Fault>(), new Dictionary<Digest, Fault>(), open.Count);
        try
        {
            await caller.CallAsync($"BatchUpdateBlobs of {Count(open.Count)}", blobs.Sum(blob => blob.Digest.SizeBytes),
                async attempt =>
            {
                var request = new Reapi.BatchUpdateBlobsRequest
                {
                    InstanceName = instance,
                    DigestFunction = function.ToWire(),
                };
                request.Requests.AddRange(open.Values);
                var response = await new CasStub(attempt.Invoker).BatchUpdateBlobsAsync(request, attempt.Options);
                CasMetrics.RecordUpload(request.Requests.Sum(entry => entry.Digest.SizeBytes));
                foreach (var entry in response.Responses)
                {
                    if (!Digest.TryFromWire(entry.Digest, function, out var digest) || !open.ContainsKey(digest))
                        continue;
                    var fault = FaultOf("BatchUpdateBlobs", digest, entry.Status);
                    if (MayPass(fault))
                    {
                        passing[digest] = fault!;
                        continue;
                    }
                    open.Remove(digest);
                    if (fault is not null)
                        refused[digest] = fault;
                }
                return Again(open.Count, open.Keys.Select(digest => passing.GetValueOrDefault(digest)));
            }, cancellation);
        }
        catch (FaultException error) when (open.Count < count || passing.Count > 0)
        {
            // The blobs that were taken are; each of the others tells its own fault.
            foreach (var digest in open.Keys)
                refused[digest] = passing.GetValueOrDefault(digest) ?? error.Fault;
        }
        return refused;
    }

    private static string Count(int blobs) => blobs == 1 ? "1 blob" : $"{blobs} blobs";

    private static bool Again(int open, IEnumerable<Fault?> faults)
    {
        if (open == 0)
            return true;
        var first = faults.FirstOrDefault(fault => fault is not null);
        throw new OwnRpcException(new Status(first?.Code ?? StatusCode.Internal,
            first?.Detail ?? $"the server left {open} blobs out of its answer"));
    }

    private bool MayPass(Fault? fault) => fault is { Code: { } code } && caller.Retries(code);

    private Fault? FaultOf(string rpc, Digest digest, Google.Rpc.Status? status) =>
        (StatusCode)(status?.Code ?? 0) switch
        {
            StatusCode.OK => null,
            StatusCode.NotFound when rpc == "BatchReadBlobs" => MissingBlobs.One(digest),
            var code => caller.ToFault($"{rpc} of {digest}", code, status!.Message),
        };

    private BatchBlob ToBlob(Digest digest, Reapi.BatchReadBlobsResponse.Types.Response entry)
    {
        if (FaultOf("BatchReadBlobs", digest, entry.Status) is { } fault)
            return new BatchBlob(digest, default, fault);
        if (entry.Compressor != Packed)
            return new BatchBlob(digest, entry.Data.Memory, null);
        try
        {
            return new BatchBlob(digest, Zstd.Decompress(entry.Data.Span, (int)digest.SizeBytes), null);
        }
        catch (InvalidDataException error)
        {
            return new BatchBlob(
                digest, default, caller.ToFault($"BatchReadBlobs of {digest}", StatusCode.DataLoss, error.Message));
        }
    }

    private static Reapi.BatchUpdateBlobsRequest.Types.Request ToRequest(
        Digest digest, ReadOnlyMemory<byte> data, bool zstd)
    {
        var request = new Reapi.BatchUpdateBlobsRequest.Types.Request { Digest = digest.ToWire() };
        if (zstd && data.Length >= Zstd.SmallestBytes && Zstd.Pays(data.Span[..Zstd.SmallestBytes]))
            (request.Data, request.Compressor) = (UnsafeByteOperations.UnsafeWrap(Zstd.Compress(data.Span)), Packed);
        else
            request.Data = UnsafeByteOperations.UnsafeWrap(data);
        return request;
    }
}
