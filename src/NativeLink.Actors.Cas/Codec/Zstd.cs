using System.Buffers;
using ZstdSharp;

namespace NativeLink.Actors.Cas.Codec;

/// <summary>
/// zstd on the wire (protos/README.md 2.5): one complete
/// frame a blob, level 1, and only where it pays.
/// </summary>
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
