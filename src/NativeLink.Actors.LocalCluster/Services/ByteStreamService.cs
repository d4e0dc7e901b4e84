using Google.ByteStream;
using Grpc.Core;
using Microsoft.Win32.SafeHandles;
using NativeLink.Actors.Cas.Codec;
using NativeLink.Actors.LocalCluster.BlobAccess;
using NativeLink.Actors.LocalCluster.Requests;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>
/// Streams of single blobs into and out of the CAS
/// (protos/README.md 2.1 to 2.5). What comes in is always verified.
/// </summary>
internal sealed class ByteStreamService(
    ContentStore store, PartialUploads uploads, LocalClusterOptions options, TimeProvider time) : ByteStreamBase
{
    /// <summary>Well below the 4 MiB that every client takes.</summary>
    private const int ChunkBytes = 256 << 10;

    public override async Task<WriteResponse> Write(IAsyncStreamReader<WriteFrame> requests, ServerCallContext context)
    {
        if (!await requests.MoveNext(context.CancellationToken))
            throw RequestChecks.Invalid("the Write stream ended without any message");
        var first = requests.Current;
        Upload? upload;
        try
        {
            var name = Parse(first.ResourceName, upload: true);
            upload = store.Contains(name.Digest)
                ? null
                : await uploads.BeginAsync(name, first.WriteOffset, context.CancellationToken);
            if (upload is null)
            {
                first.Dispose();
                return new WriteResponse
                {
                    CommittedSize = name.Compressor == BlobCompressor.Zstd ? -1 : name.Digest.SizeBytes,
                };
            }
        }
        catch
        {
            first.Dispose();
            throw;
        }
        return new WriteResponse
        {
            CommittedSize = await ReceiveAsync(upload, first, requests, context.CancellationToken),
        };
    }

    public override async Task Read(
        ReadRequest request, IServerStreamWriter<ReadFrame> responses, ServerCallContext context)
    {
        var name = Parse(request.ResourceName, upload: false);
        if (request.ReadOffset < 0 || request.ReadLimit < 0)
            throw RequestChecks.Invalid(
                $"read_offset {request.ReadOffset} and read_limit {request.ReadLimit} of {name.Digest} must not " +
                "be negative");
        if (name.Compressor == BlobCompressor.Zstd && request.ReadLimit != 0)
            throw RequestChecks.Invalid($"read_limit of compressed {name.Digest} must be 0, not {request.ReadLimit}");
        if (name.Digest.IsEmpty && name.Compressor == BlobCompressor.Identity)
            return;
        using var file = name.Digest.IsEmpty
            ? null
            : store.TryOpenRead(name.Digest) ?? throw RequestChecks.NotFound($"blob {name.Digest} is not in the CAS");
        var start = Math.Min(request.ReadOffset, name.Digest.SizeBytes);
        var end = request.ReadLimit == 0
            ? name.Digest.SizeBytes
            : Math.Min(name.Digest.SizeBytes, start + Math.Min(request.ReadLimit, long.MaxValue - start));
        if (name.Compressor == BlobCompressor.Zstd)
            await CompressedReads.SendAsync(file, start, end, responses, context.CancellationToken);
        else
            await SendAsync(file!, start, end, responses, context.CancellationToken);
    }

    public override Task<QueryWriteStatusResponse> QueryWriteStatus(
        QueryWriteStatusRequest request, ServerCallContext context)
    {
        var name = Parse(request.ResourceName, upload: true);
        if (uploads.Received(name) is { } received)
            return Task.FromResult(new QueryWriteStatusResponse { CommittedSize = received });
        return Task.FromResult(store.Contains(name.Digest)
            ? new QueryWriteStatusResponse { CommittedSize = name.Digest.SizeBytes, Complete = true }
            : new QueryWriteStatusResponse());
    }

    private async Task<long> ReceiveAsync(
        Upload upload, WriteFrame first, IAsyncStreamReader<WriteFrame> requests, CancellationToken cancellation)
    {
        var keep = true;
        using var stalled = new CancellationTokenSource(options.UploadStallLimit, time);
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(
                cancellation, upload.TakeOverRequested, stalled.Token);
            var end = await AppendAllAsync(upload, first, requests, stalled, either.Token);
            keep = false;
            return upload.Finish(end);
        }
        catch (Exception error) when (error is RpcException or FaultException)
        {
            keep &= error is RpcException;
            throw new RpcException(RequestChecks.StatusOf(error));
        }
        catch (OperationCanceledException) when (upload.TakeOverRequested.IsCancellationRequested)
        {
            throw new RpcException(
                new Status(StatusCode.Aborted, $"another stream goes on with upload {upload.Name.UploadId}"));
        }
        catch (OperationCanceledException) when (stalled.IsCancellationRequested
            && !cancellation.IsCancellationRequested)
        {
            throw new RpcException(new Status(
                StatusCode.DeadlineExceeded,
                $"no message of upload {upload.Name.UploadId} came for " +
                $"{MessageText.Seconds(options.UploadStallLimit)}; go on at {upload.Received}, or start again"));
        }
        finally
        {
            uploads.End(upload, keep);
        }
    }

    /// <summary>Takes in every message up to the one that finishes the blob; says where it ended.</summary>
    private async Task<long> AppendAllAsync(
        Upload upload, WriteFrame first, IAsyncStreamReader<WriteFrame> requests, CancellationTokenSource stalled,
        CancellationToken cancellation)
    {
        for (var chunk = first; ; chunk = requests.Current)
        {
            using (chunk)
            {
                upload.Append(chunk.WriteOffset, chunk.Data);
                if (chunk.FinishWrite)
                    return chunk.WriteOffset + chunk.Data.Length;
            }
            stalled.CancelAfter(options.UploadStallLimit);
            if (!await requests.MoveNext(cancellation))
                throw RequestChecks.Invalid(
                    $"the Write stream of {upload.Digest} ended after {upload.Received} bytes without finish_write");
        }
    }

    private static async Task SendAsync(
        SafeFileHandle file, long start, long end, IServerStreamWriter<ReadFrame> responses,
        CancellationToken cancellation)
    {
        for (var at = start; at < end;)
        {
            var length = (int)Math.Min(ChunkBytes, end - at);
            await responses.WriteAsync(new ReadFrame(file, at, length), cancellation);
            at += length;
        }
    }

    private ResourceName Parse(string text, bool upload)
    {
        if (!ResourceName.TryParse(text, upload, DigestFunction.Sha256, out var name, out var error))
            throw RequestChecks.Invalid(error);
        RequestChecks.Instance(options.Instances, name.Instance);
        if (name.Compressor is BlobCompressor.Deflate or BlobCompressor.Brotli
            || (name.Compressor == BlobCompressor.Zstd && !options.Compression))
            throw RequestChecks.Invalid(
                $"compressor {name.Compressor.ToString().ToLowerInvariant()} is not served; see GetCapabilities");
        return name;
    }
}
