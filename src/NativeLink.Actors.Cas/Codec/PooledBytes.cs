using System.Buffers;

namespace NativeLink.Actors.Cas.Codec;

/// <summary>The data of a received frame in a pooled buffer: generated code would allocate every byte that arrives.</summary>
internal struct PooledBytes
{
    private byte[]? _buffer;
    private int _length;

    public readonly ReadOnlySpan<byte> Span => _buffer.AsSpan(0, _length);

    /// <summary>Replaces what it held, as a field that comes twice does.</summary>
    public void Set(in ReadOnlySequence<byte> bytes)
    {
        Return();
        if (bytes.IsEmpty)
            return;
        _length = checked((int)bytes.Length);
        _buffer = ArrayPool<byte>.Shared.Rent(_length);
        bytes.CopyTo(_buffer);
    }

    /// <summary>Gives the buffer back; it may be called again.</summary>
    public void Return()
    {
        if (_buffer is not { } buffer)
            return;
        (_buffer, _length) = (null, 0);
        ArrayPool<byte>.Shared.Return(buffer);
    }
}
