using System.Buffers;
using System.Text;
using Grpc.Core;

namespace NativeLink.Actors.Cas.Codec;

/// <summary>
/// <c>google.bytestream.WriteRequest</c>. To send: its data stays where it is until it has been put
/// on the wire. Received: data in a pooled buffer, which disposing gives back.
/// </summary>
internal sealed class WriteFrame : IDisposable
{
    private const byte ResourceNameTag = (1 << 3) | 2;
    private const byte WriteOffsetTag = 2 << 3;
    private const byte FinishWriteTag = 3 << 3;
    private const byte DataTag = (10 << 3) | 2;

    private readonly ReadOnlyMemory<byte> _bytes;
    private BlobPiece? _received;

    public WriteFrame(string resourceName, long offset, bool finish, ReadOnlyMemory<byte> data) =>
        (ResourceName, WriteOffset, FinishWrite, _bytes) = (resourceName, offset, finish, data);

    private WriteFrame()
    {
    }

    public string ResourceName { get; private set; } = "";

    public long WriteOffset { get; private set; }

    public bool FinishWrite { get; private set; }

    /// <summary>What was received, until disposed; or what is to be sent.</summary>
    public ReadOnlySpan<byte> Data => _received is null ? _bytes.Span : _received.Memory.Span;

    /// <summary>Bytes of the wire form.</summary>
    public int Size
    {
        get
        {
            var name = Encoding.UTF8.GetByteCount(ResourceName);
            var size = name == 0 ? 0 : 1 + WireFormat.VarintSize((ulong)name) + name;
            size += WriteOffset == 0 ? 0 : 1 + WireFormat.VarintSize((ulong)WriteOffset);
            size += FinishWrite ? 2 : 0;
            return size + (Data.IsEmpty ? 0 : 1 + WireFormat.VarintSize((ulong)Data.Length) + Data.Length);
        }
    }

    /// <summary>Reads the wire form; fields unknown to us are skipped.</summary>
    /// <exception cref="InvalidDataException">Not a message.</exception>
    public static WriteFrame Parse(in ReadOnlySequence<byte> payload)
    {
        var frame = new WriteFrame();
        try
        {
            var reader = new SequenceReader<byte>(payload);
            while (!reader.End)
                frame.ReadField(ref reader);
            return frame;
        }
        catch (InvalidDataException error)
        {
            frame.Dispose();
            throw new InvalidDataException($"WriteRequest: {error.Message}", error);
        }
    }

    public void WriteTo(IBufferWriter<byte> writer)
    {
        var span = writer.GetSpan(Size);
        var at = 0;
        if (ResourceName.Length > 0)
        {
            span[at++] = ResourceNameTag;
            at += WireFormat.WriteVarint(span[at..], (ulong)Encoding.UTF8.GetByteCount(ResourceName));
            at += Encoding.UTF8.GetBytes(ResourceName, span[at..]);
        }
        if (WriteOffset != 0)
        {
            span[at++] = WriteOffsetTag;
            at += WireFormat.WriteVarint(span[at..], (ulong)WriteOffset);
        }
        if (FinishWrite)
        {
            span[at++] = FinishWriteTag;
            span[at++] = 1;
        }
        if (!Data.IsEmpty)
        {
            span[at++] = DataTag;
            at += WireFormat.WriteVarint(span[at..], (ulong)Data.Length);
            Data.CopyTo(span[at..]);
            at += Data.Length;
        }
        writer.Advance(at);
    }

    public void Dispose() => _received?.Dispose();

    internal static void Serialize(WriteFrame frame, SerializationContext context)
    {
        context.SetPayloadLength(frame.Size);
        frame.WriteTo(context.GetBufferWriter());
        context.Complete();
    }

    /// <exception cref="RpcException">INVALID_ARGUMENT: not a message.</exception>
    internal static WriteFrame Deserialize(DeserializationContext context)
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

    private void ReadField(ref SequenceReader<byte> reader)
    {
        var tag = WireFormat.ReadVarint(ref reader);
        switch (tag)
        {
            case ResourceNameTag:
                ResourceName = Encoding.UTF8.GetString(WireFormat.ReadBytes(ref reader));
                break;
            case WriteOffsetTag:
                WriteOffset = (long)WireFormat.ReadVarint(ref reader);
                break;
            case FinishWriteTag:
                FinishWrite = WireFormat.ReadVarint(ref reader) != 0;
                break;
            case DataTag:
                // A field that comes twice replaces what it held.
                _received?.Dispose();
                _received = BlobPiece.CopyOf(WireFormat.ReadBytes(ref reader));
                break;
            default:
                WireFormat.Skip(ref reader, tag);
                break;
        }
    }
}
