using System.Buffers;
using Google.ByteStream;
using Grpc.Core;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Cas.Codec;

namespace NativeLink.Actors.Cas.Blobs;

/// <summary>
/// ByteStream writes in messages of 1 MiB, the last of which alone carries finish_write. A broken
/// upload goes on under its uuid from where QueryWriteStatus says; a compressed one starts again
/// under a new uuid (protos/README.md 2.3, 2.5). An answer before the end is success.
/// </summary>
internal sealed class BlobUploader(RpcCaller caller, string instance, bool legacyNames)
{
    private const int ChunkBytes = 1 << 20;

    public async Task WriteAsync(Digest digest, BlobSource source, bool zstd, CancellationToken cancellation)
    {
        var uuid = Guid.NewGuid();
        using var sent = new SentBytes(digest, source);
        await caller.CallAsync($"ByteStream.Write of {digest}", digest.SizeBytes, async attempt =>
        {
            long offset = 0;
            if (attempt.Number > 0)
            {
                var kept = zstd ? null : await StatusAsync(NameOf(digest, uuid, false), attempt);
                if (kept is { Complete: true })
                    return true;
                offset = Math.Clamp(kept?.CommittedSize ?? 0, 0, digest.SizeBytes);
                if (kept is null || !sent.TryGoBackTo(offset))
                {
                    (uuid, offset) = (Guid.NewGuid(), 0);
                    sent.Restart();
                }
            }
            var name = NameOf(digest, uuid, zstd);
            await OnceAsync(name, digest, zstd
                ? new FramePieces(source, digest, sent)
                : new PlainPieces(source, digest, offset, sent), offset, attempt);
            return true;
        }, cancellation);
    }

    private string NameOf(Digest digest, Guid uuid, bool zstd) => new ResourceName(
        instance, uuid.ToString("D"), zstd ? BlobCompressor.Zstd : BlobCompressor.Identity, digest,
        !legacyNames || digest.Function != DigestFunction.Sha256).ToString();

    private static async Task OnceAsync(string name, Digest digest, IPieces pieces, long offset, RpcAttempt attempt)
    {
        using var _ = pieces;
        using var call = attempt.Invoker.AsyncClientStreamingCall(ByteStreamMethods.Write, null, attempt.Options);
        try
        {
            await SendAsync(call, name, pieces, offset);
            await call.RequestStream.CompleteAsync();
        }
        catch (Exception error) when (error is RpcException or InvalidOperationException or IOException)
        {
            // The server may answer before it has read everything,
            // as it may know the blob: its answer says how it went.
        }
        var answer = await call.ResponseAsync;
        if (pieces is PlainPieces && answer.CommittedSize >= 0 && answer.CommittedSize != digest.SizeBytes)
            throw new RpcException(
                new Status(StatusCode.DataLoss, $"the server took {answer.CommittedSize} of {digest.SizeBytes} bytes"));
    }

    /// <summary>Each piece is read while the one before it is on its way.</summary>
    private static async Task SendAsync(
        AsyncClientStreamingCall<WriteFrame, WriteResponse> call, string name, IPieces pieces, long offset)
    {
        var (data, last) = pieces.Next();
        while (true)
        {
            var sending = call.RequestStream.WriteAsync(new WriteFrame(name, offset, last, data));
            offset += data.Length;
            try
            {
                if (!last)
                    (data, last) = pieces.Next();
                else
                    return;
            }
            finally
            {
                // Its buffer is used again; nothing may be under way in it.
                await sending;
            }
            if (call.ResponseAsync.IsCompleted)
                return;
        }
    }

    /// <summary>What the server kept of the broken upload; null when it cannot say.</summary>
    private static async Task<QueryWriteStatusResponse?> StatusAsync(string name, RpcAttempt attempt)
    {
        try
        {
            return await new ByteStream.ByteStreamClient(attempt.Invoker)
                .QueryWriteStatusAsync(new QueryWriteStatusRequest { ResourceName = name }, attempt.Options);
        }
        catch (RpcException) when (!attempt.Options.CancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private interface IPieces : IDisposable
    {
        /// <summary>
        /// The next piece, good until the second one after
        /// it is asked for, and whether it is the last.
        /// </summary>
        (ReadOnlyMemory<byte> Data, bool Last) Next();
    }

    private sealed class PlainPieces(BlobSource source, Digest digest, long offset, SentBytes sent) : IPieces
    {
        private readonly TwoBuffers _buffers = new(source.File is null ? 0 : ChunkBytes);
        private readonly PassingPages? _pages = source.File is { } file
            ? PassingPages.ForReading(file, digest.SizeBytes)
            : null;
        private long _offset = offset;

        public (ReadOnlyMemory<byte> Data, bool Last) Next()
        {
            var count = (int)Math.Min(ChunkBytes, digest.SizeBytes - _offset);
            ReadOnlyMemory<byte> data;
            if (source.File is null)
            {
                data = source.Data.Slice((int)_offset, count);
            }
            else
            {
                var buffer = _buffers.Next();
                data = buffer.AsMemory(0, count);
                if (source.Read(buffer.AsSpan(0, count), _offset) < count)
                    throw new ChangedFileException(source.Path);
                sent.Append(data.Span);
                _pages?.Passed(_offset + count);
            }
            _offset += count;
            CasMetrics.RecordUpload(count);
            return (data, _offset >= digest.SizeBytes);
        }

        public void Dispose() => _buffers.Dispose();
    }

    private sealed class FramePieces(BlobSource source, Digest digest, SentBytes sent) : IPieces
    {
        private readonly ZstdSharp.Compressor _compressor = Zstd.NewStream();
        private readonly byte[] _plain = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        private readonly TwoBuffers _packed = new(ChunkBytes);
        private long _offset;
        private int _at;
        private int _filled;

        public (ReadOnlyMemory<byte> Data, bool Last) Next()
        {
            var length = 0;
            var packed = _packed.Next();
            while (length < ChunkBytes)
            {
                if (_at == _filled && _offset < digest.SizeBytes)
                    Refill();
                var final = _offset >= digest.SizeBytes;
                var status = _compressor.WrapStream(
                    _plain.AsSpan(_at, _filled - _at), packed.AsSpan(
                        length, ChunkBytes - length), out var consumed, out var written, final);
                _at += consumed;
                length += written;
                if (final && _at == _filled && status == OperationStatus.Done)
                    return (packed.AsMemory(0, length), true);
            }
            return (packed.AsMemory(0, length), false);
        }

        public void Dispose()
        {
            _compressor.Dispose();
            ArrayPool<byte>.Shared.Return(_plain);
            _packed.Dispose();
        }

        private void Refill()
        {
            var count = (int)Math.Min(ChunkBytes, digest.SizeBytes - _offset);
            if (source.Read(_plain.AsSpan(0, count), _offset) < count)
                throw new ChangedFileException(source.Path);
            sent.Append(_plain.AsSpan(0, count));
            (_at, _filled) = (0, count);
            _offset += count;
            CasMetrics.RecordUpload(count);
        }
    }
}
