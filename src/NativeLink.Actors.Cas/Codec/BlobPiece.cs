using System.Buffers;

namespace NativeLink.Actors.Cas.Codec;

/// <summary>
/// Some bytes of a blob in a pooled buffer, which
/// disposing gives back. Whoever is given one owns it.
/// </summary>
public sealed class BlobPiece : IDisposable
{
    private byte[]? _buffer;
    private readonly int _length;

    private BlobPiece(byte[] buffer, int length) => (_buffer, _length) = (buffer, length);

    /// <summary>Empty once disposed.</summary>
    public ReadOnlyMemory<byte> Memory => _buffer.AsMemory(0, _buffer is null ? 0 : _length);

    /// <summary>A copy of bytes that somebody else keeps.</summary>
    public static BlobPiece CopyOf(in ReadOnlySequence<byte> bytes)
    {
        var length = checked((int)bytes.Length);
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Max(length, 1));
        bytes.CopyTo(buffer);
        return new BlobPiece(buffer, length);
    }

    /// <summary>A buffer that was rented from the shared pool, and how much of it is filled.</summary>
    public static BlobPiece Of(byte[] rented, int length) => new(rented, length);

    /// <summary>
    /// Gives the buffer back; <see cref="Memory"/> must not be read after that. A second call does nothing.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } buffer)
            ArrayPool<byte>.Shared.Return(buffer);
    }
}
