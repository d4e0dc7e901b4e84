using System.Buffers;
using ZstdSharp;

namespace NativeLink.Actors.Cas.Codec;

/// <summary>Decodes one zstd frame that comes in pieces. Not safe for several threads at once.</summary>
internal sealed class ZstdFrameReader : IDisposable
{
    private const int TargetBytes = 128 << 10;

    private readonly Decompressor _decompressor = new();

    /// <summary>The frame has ended; nothing may follow.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Gives out all that these bytes yield, in pieces of at most 128 KiB.</summary>
    /// <exception cref="InvalidDataException">Not zstd, or bytes after the frame's end.</exception>
    public void Append(ReadOnlySpan<byte> data, Action<ReadOnlySpan<byte>> sink)
    {
        for (var at = 0; at < data.Length || HasMore;)
        {
            at += DecodePiece(data[at..], out var piece);
            using (piece)
            {
                if (piece is not null)
                    sink(piece.Memory.Span);
            }
        }
    }

    /// <summary>
    /// Decodes as far as one piece of at most 128 KiB: some
    /// bytes of a frame may yield a million times as many.
    /// </summary>
    /// <param name="data">What has not been decoded yet; again, from where it was left, while
    /// <see cref="HasMore"/>.</param>
    /// <param name="piece">The caller's; null when these bytes yield nothing yet.</param>
    /// <returns>How many of the bytes have been taken.</returns>
    /// <exception cref="InvalidDataException">Not zstd, or bytes after the frame's end.</exception>
    public int DecodePiece(ReadOnlySpan<byte> data, out BlobPiece? piece)
    {
        piece = null;
        if (IsComplete)
            throw new InvalidDataException($"{data.Length} bytes follow the end of the zstd frame");
        // A buffer for each piece: who waits for the next message holds none.
        var target = ArrayPool<byte>.Shared.Rent(TargetBytes);
        try
        {
            var status = Unwrap(data, target, out var consumed, out var written);
            (IsComplete, HasMore) = (status == OperationStatus.Done, status == OperationStatus.DestinationTooSmall);
            if (written > 0)
                (piece, target) = (BlobPiece.Of(target, written), []);
            return consumed;
        }
        finally
        {
            if (target.Length > 0)
                ArrayPool<byte>.Shared.Return(target);
        }
    }

    /// <summary>More has been taken than the last piece could hold.</summary>
    public bool HasMore { get; private set; }

    /// <exception cref="InvalidDataException">The frame has not ended.</exception>
    public void Finish()
    {
        if (!IsComplete)
            throw new InvalidDataException("the stream ends inside a zstd frame");
    }

    public void Dispose() => _decompressor.Dispose();

    private OperationStatus Unwrap(ReadOnlySpan<byte> data, byte[] target, out int consumed, out int written)
    {
        try
        {
            var status = _decompressor.UnwrapStream(data, target, out consumed, out written);
            var stands = consumed == 0 && written == 0
                && (!data.IsEmpty || status == OperationStatus.DestinationTooSmall);
            if (status == OperationStatus.InvalidData || (stands && status != OperationStatus.Done))
                throw new InvalidDataException("the bytes are not a zstd frame");
            return status;
        }
        catch (ZstdException error)
        {
            throw new InvalidDataException($"the bytes are not a zstd frame: {error.Message}", error);
        }
    }
}
