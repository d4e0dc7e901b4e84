using System.Buffers;
using ZstdSharp;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>Decodes one zstd frame that comes in pieces. Not safe for several threads at once.</summary>
internal sealed class ZstdFrameReader : IDisposable
{
    private const int OutputBytes = 128 << 10;

    private readonly Decompressor _decompressor = new();

    /// <summary>The frame has ended; nothing may follow.</summary>
    public bool IsComplete { get; private set; }

    /// <exception cref="InvalidDataException">Not zstd, or bytes after the frame's end.</exception>
    public void Decode(ReadOnlySpan<byte> data, Action<ReadOnlySpan<byte>> sink)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(OutputBytes);
        try
        {
            while (!data.IsEmpty && !IsComplete)
                data = data[DecodeSome(data, buffer, sink)..];
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        if (!data.IsEmpty)
            throw new InvalidDataException($"{data.Length} bytes follow the end of the zstd frame");
    }

    public void Dispose() => _decompressor.Dispose();

    /// <summary>Feeds the decoder until it has given out all that these bytes yield.</summary>
    private int DecodeSome(ReadOnlySpan<byte> data, byte[] buffer, Action<ReadOnlySpan<byte>> sink)
    {
        var consumed = 0;
        while (true)
        {
            var status = _decompressor.UnwrapStream(data[consumed..], buffer, out var used, out var written);
            consumed += used;
            if (status == OperationStatus.InvalidData)
                throw new InvalidDataException("the bytes are not a zstd frame");
            if (written > 0)
                sink(buffer.AsSpan(0, written));
            IsComplete = status == OperationStatus.Done;
            if (IsComplete || (status == OperationStatus.NeedMoreData && consumed == data.Length))
                return consumed;
            if (used == 0 && written == 0)
                throw new InvalidDataException("the zstd decoder does not get on");
        }
    }
}
