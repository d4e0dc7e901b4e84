using System.Buffers;
using ZstdSharp;

namespace NativeLink.Actors.Worker.Remote;

/// <summary>zstd on the wire (wire contract 2.5): one complete frame a blob, level 1, and only where it pays.</summary>
internal static class Zstd
{
    /// <summary>Smaller blobs gain less than the work costs; NativeLink draws the line here as well.</summary>
    public const int SmallestBytes = 64 << 10;

    private const int Level = 1;
    private const double WorthwhileRatio = 0.9;

    /// <summary>Whether a sample from the blob's beginning shrinks by at least a tenth.</summary>
    public static bool Pays(ReadOnlySpan<byte> sample)
    {
        using var compressor = new Compressor(Level);
        var target = ArrayPool<byte>.Shared.Rent(Compressor.GetCompressBound(sample.Length));
        try
        {
            return compressor.Wrap(sample, target) < sample.Length * WorthwhileRatio;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(target);
        }
    }

    public static byte[] Compress(ReadOnlySpan<byte> data)
    {
        using var compressor = new Compressor(Level);
        return compressor.Wrap(data).ToArray();
    }

    /// <exception cref="InvalidDataException">Not one frame of exactly <paramref name="size"/> bytes.</exception>
    public static byte[] Decompress(ReadOnlySpan<byte> data, int size)
    {
        var target = new byte[size];
        using var frame = new ZstdFrameReader();
        var length = 0;
        frame.Append(data, piece =>
        {
            if (piece.Length > size - length)
                throw new InvalidDataException("a zstd frame longer than the blob");
            piece.CopyTo(target.AsSpan(length));
            length += piece.Length;
        });
        frame.Finish();
        return length == size ? target : throw new InvalidDataException("a zstd frame shorter than the blob");
    }

    public static Compressor NewStream() => new(Level);
}

/// <summary>Decodes one zstd frame that comes in pieces.</summary>
internal sealed class ZstdFrameReader : IDisposable
{
    private readonly Decompressor _decompressor = new();
    private readonly byte[] _target = ArrayPool<byte>.Shared.Rent(128 << 10);
    private bool _complete;

    /// <exception cref="InvalidDataException">Not zstd, or bytes after the frame's end.</exception>
    public void Append(ReadOnlySpan<byte> data, Action<ReadOnlySpan<byte>> sink)
    {
        var status = OperationStatus.NeedMoreData;
        // Bytes may wait inside after the last input was taken: they come out while the target is too small for them.
        while (!_complete && (!data.IsEmpty || status == OperationStatus.DestinationTooSmall))
        {
            int consumed, written;
            try
            {
                status = _decompressor.UnwrapStream(data, _target, out consumed, out written);
            }
            catch (ZstdException error)
            {
                throw new InvalidDataException($"not a zstd frame: {error.Message}", error);
            }
            if (status == OperationStatus.InvalidData || (consumed == 0 && written == 0 && status != OperationStatus.Done))
                throw new InvalidDataException("not a zstd frame");
            data = data[consumed..];
            if (written > 0)
                sink(_target.AsSpan(0, written));
            _complete = status == OperationStatus.Done;
        }
        if (_complete && !data.IsEmpty)
            throw new InvalidDataException("bytes after the end of the zstd frame");
    }

    /// <exception cref="InvalidDataException">The frame has not ended.</exception>
    public void Finish()
    {
        if (!_complete)
            throw new InvalidDataException("the stream ends inside a zstd frame");
    }

    public void Dispose()
    {
        _decompressor.Dispose();
        ArrayPool<byte>.Shared.Return(_target);
    }
}
