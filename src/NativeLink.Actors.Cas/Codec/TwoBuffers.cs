using System.Buffers;

namespace NativeLink.Actors.Cas.Codec;

/// <summary>Two pooled buffers that take turns: one is filled while the other is on its way.</summary>
internal sealed class TwoBuffers(int bytes) : IDisposable
{
    private readonly byte[][] _buffers = bytes == 0
        ? []
        : [ArrayPool<byte>.Shared.Rent(bytes), ArrayPool<byte>.Shared.Rent(bytes)];
    private int _turn;

    /// <summary>The one that was not given last; it may be larger than was asked for.</summary>
    public byte[] Next() => _buffers[_turn ^= 1];

    public void Dispose()
    {
        foreach (var buffer in _buffers)
            ArrayPool<byte>.Shared.Return(buffer);
    }
}
