using System.Buffers;
using System.Text;
using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>
/// <c>google.bytestream.WriteRequest</c> with its data in a pooled buffer: generated code would allocate every byte that arrives.
/// Disposing it gives the buffer back.
/// </summary>
public sealed class WriteChunk : IDisposable
{
    private byte[]? _rented;
    private int _length;

    public string ResourceName { get; private set; } = "";

    public long WriteOffset { get; private set; }

    public bool FinishWrite { get; private set; }

    public ReadOnlySpan<byte> Data => _rented.AsSpan(0, _length);

    /// <summary>Reads the wire form; fields unknown to us are skipped.</summary>
    /// <exception cref="InvalidDataException">Not a message.</exception>
    public static WriteChunk Parse(in ReadOnlySequence<byte> payload)
    {
        var chunk = new WriteChunk();
        try
        {
            var reader = new SequenceReader<byte>(payload);
            while (!reader.End)
                chunk.ReadField(ref reader);
            return chunk;
        }
        catch
        {
            chunk.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (_rented is not { } buffer)
            return;
        (_rented, _length) = (null, 0);
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private void ReadField(ref SequenceReader<byte> reader)
    {
        var tag = ReadVarint(ref reader);
        switch (tag)
        {
            case (1 << 3) | 2:
                ResourceName = Encoding.UTF8.GetString(ReadBytes(ref reader));
                break;
            case (2 << 3) | 0:
                WriteOffset = (long)ReadVarint(ref reader);
                break;
            case (3 << 3) | 0:
                FinishWrite = ReadVarint(ref reader) != 0;
                break;
            case (10 << 3) | 2:
                TakeData(ReadBytes(ref reader));
                break;
            default:
                Skip(ref reader, (int)(tag & 7));
                break;
        }
    }

    private void TakeData(in ReadOnlySequence<byte> data)
    {
        Dispose();
        if (data.IsEmpty)
            return;
        _length = checked((int)data.Length);
        _rented = ArrayPool<byte>.Shared.Rent(_length);
        data.CopyTo(_rented);
    }

    private static ReadOnlySequence<byte> ReadBytes(ref SequenceReader<byte> reader)
    {
        var length = ReadVarint(ref reader);
        if (length > (ulong)reader.Remaining)
            throw new InvalidDataException("WriteRequest: a field is longer than its message");
        var bytes = reader.UnreadSequence.Slice(0, (long)length);
        reader.Advance((long)length);
        return bytes;
    }

    private static ulong ReadVarint(ref SequenceReader<byte> reader)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (!reader.TryRead(out var next))
                break;
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
        throw new InvalidDataException("WriteRequest: a number is cut off");
    }

    private static void Skip(ref SequenceReader<byte> reader, int wireType)
    {
        switch (wireType)
        {
            case 0:
                ReadVarint(ref reader);
                break;
            case 1:
                Advance(ref reader, 8);
                break;
            case 2:
                ReadBytes(ref reader);
                break;
            case 5:
                Advance(ref reader, 4);
                break;
            default:
                throw new InvalidDataException($"WriteRequest: wire type {wireType} is not known");
        }
    }

    private static void Advance(ref SequenceReader<byte> reader, int count)
    {
        if (reader.Remaining < count)
            throw new InvalidDataException("WriteRequest: a number is cut off");
        reader.Advance(count);
    }

    internal static WriteChunk Deserialize(DeserializationContext context)
    {
        try
        {
            return Parse(context.PayloadAsReadOnlySequence());
        }
        catch (InvalidDataException error)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, error.Message));
        }
    }
}
