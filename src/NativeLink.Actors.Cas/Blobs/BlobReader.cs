using Google.ByteStream;
using Grpc.Core;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Cas.Codec;

namespace NativeLink.Actors.Cas.Blobs;

/// <summary>
/// ByteStream reads: resumed where they broke, compressed ones too, since the offset counts
/// uncompressed bytes (protos/README.md 2.4, 2.5).
/// </summary>
internal sealed class BlobReader(RpcCaller caller, string instance, bool legacyNames)
{
    public async Task ReadAsync(
        Digest digest, bool zstd, Func<BlobPiece, ValueTask> sink, CancellationToken cancellation)
    {
        var name = new ResourceName(
            instance, null, zstd ? BlobCompressor.Zstd : BlobCompressor.Identity, digest, !legacyNames
                || digest.Function != DigestFunction.Sha256).ToString();
        long offset = 0;
        ValueTask DeliverAsync(BlobPiece piece)
        {
            // Before it is the sink's: what breaks then has been received.
            offset += piece.Memory.Length;
            CasMetrics.RecordDownload(piece.Memory.Length);
            if (offset <= digest.SizeBytes)
                return sink(piece);
            piece.Dispose();
            throw new FaultException(
                new Fault(FaultKind.Storage, $"ByteStream.Read of {digest}: the server sent more bytes than it has")
                {
                    Code = StatusCode.DataLoss,
                });
        }
        try
        {
            await caller.CallAsync($"ByteStream.Read of {digest}", digest.SizeBytes, async attempt =>
            {
                var request = new ReadRequest { ResourceName = name, ReadOffset = offset };
                if (zstd)
                    await ReadFrameAsync(request, attempt, DeliverAsync);
                else
                    await ReadPlainAsync(request, attempt, DeliverAsync);
                return offset < digest.SizeBytes
                    ? throw new OwnRpcException(
                        new Status(StatusCode.Unavailable, $"the stream ended at byte {offset} of {digest.SizeBytes}"))
                    : true;
            }, cancellation);
        }
        catch (FaultException error) when (error.Fault.Code == StatusCode.NotFound)
        {
            throw new FaultException(MissingBlobs.One(digest), error);
        }
    }

    private static async Task ReadPlainAsync(
        ReadRequest request, RpcAttempt attempt, Func<BlobPiece, ValueTask> deliver)
    {
        using var call = attempt.Invoker.AsyncServerStreamingCall(
            ByteStreamMethods.Read, null, attempt.Options, request);
        while (await call.ResponseStream.MoveNext(attempt.Options.CancellationToken))
        {
            using var chunk = call.ResponseStream.Current;
            await deliver(chunk.TakeData());
        }
    }

    private static async Task ReadFrameAsync(
        ReadRequest request, RpcAttempt attempt, Func<BlobPiece, ValueTask> deliver)
    {
        using var call = attempt.Invoker.AsyncServerStreamingCall(
            ByteStreamMethods.Read, null, attempt.Options, request);
        using var frame = new ZstdFrameReader();
        try
        {
            while (await call.ResponseStream.MoveNext(attempt.Options.CancellationToken))
            {
                using var chunk = call.ResponseStream.Current;
                for (var at = 0; at < chunk.Data.Length || frame.HasMore;)
                {
                    at += frame.DecodePiece(chunk.Data[at..], out var piece);
                    if (piece is not null)
                        await deliver(piece);
                }
            }
            frame.Finish();
        }
        catch (InvalidDataException error)
        {
            throw new FaultException(
                new Fault(FaultKind.Storage, $"ByteStream.Read of {request.ResourceName}: {error.Message}")
                {
                    Code = StatusCode.DataLoss,
                }, error);
        }
    }
}
