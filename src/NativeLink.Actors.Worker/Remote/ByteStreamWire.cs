using System.Buffers;
using System.Text;
using Google.ByteStream;
using Google.Protobuf;
using Grpc.Core;

namespace NativeLink.Actors.Worker.Remote;

/// <summary>The bytes of one ReadResponse in a pooled buffer; disposing gives it back.</summary>
internal sealed class ReadChunk : IDisposable
{
    private byte[] _buffer = [];
    private int _length;

    public ReadOnlySpan<byte> Data => _buffer.AsSpan(0, _length);

    public void Dispose()
    {
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _length) = ([], 0);
    }

    internal void Take(ref SequenceReader<byte> reader, int length)
    {
        Dispose();
        _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(length, 1));
        _length = length;
        if (!reader.TryCopyTo(_buffer.AsSpan(0, length)))
            throw new InvalidDataException("a ReadResponse that ends too early");
        reader.Advance(length);
    }
}

/// <summary>One WriteRequest whose data stays where it is until it has been put on the wire.</summary>
internal sealed record WriteChunk(string ResourceName, long Offset, bool Finish, ReadOnlyMemory<byte> Data);

/// <summary>
/// ByteStream's Read and Write with marshallers of our own: generated code allocates at least a byte for each byte received. The wire is the same
/// (wire contract 1.5): data is field 10 in both directions.
/// </summary>
internal static class ByteStreamWire
{
    private const byte ResourceNameTag = (1 << 3) | 2;
    private const byte WriteOffsetTag = 2 << 3;
    private const byte FinishWriteTag = 3 << 3;
    private const byte DataTag = (10 << 3) | 2;

    public static readonly Method<ReadRequest, ReadChunk> Read = new(
        MethodType.ServerStreaming, "google.bytestream.ByteStream", "Read",
        Marshallers.Create<ReadRequest>((request, context) => context.Complete(request.ToByteArray()), context => ReadRequest.Parser.ParseFrom(context.PayloadAsReadOnlySequence())),
        Marshallers.Create<ReadChunk>((_, _) => throw new NotSupportedException("a client sends no ReadResponse"), ParseChunk));

    public static readonly Method<WriteChunk, WriteResponse> Write = new(
        MethodType.ClientStreaming, "google.bytestream.ByteStream", "Write",
        Marshallers.Create<WriteChunk>(PutChunk, _ => throw new NotSupportedException("a client receives no WriteRequest")),
        Marshallers.Create<WriteResponse>((answer, context) => context.Complete(answer.ToByteArray()), context => WriteResponse.Parser.ParseFrom(context.PayloadAsReadOnlySequence())));

    internal static ReadChunk ParseChunk(DeserializationContext context) => ParseChunk(context.PayloadAsReadOnlySequence());

    internal static ReadChunk ParseChunk(ReadOnlySequence<byte> payload)
    {
        var reader = new SequenceReader<byte>(payload);
        var chunk = new ReadChunk();
        while (!reader.End)
        {
            var tag = ReadVarint(ref reader);
            if (tag == DataTag)
                chunk.Take(ref reader, checked((int)ReadVarint(ref reader)));
            else
                Skip(ref reader, (int)(tag & 7));
        }
        return chunk;
    }

    internal static int SizeOf(WriteChunk chunk)
    {
        var name = Encoding.UTF8.GetByteCount(chunk.ResourceName);
        var size = name == 0 ? 0 : 1 + VarintSize((ulong)name) + name;
        size += chunk.Offset == 0 ? 0 : 1 + VarintSize((ulong)chunk.Offset);
        size += chunk.Finish ? 2 : 0;
        return size + (chunk.Data.IsEmpty ? 0 : 1 + VarintSize((ulong)chunk.Data.Length) + chunk.Data.Length);
    }

    internal static void Put(WriteChunk chunk, IBufferWriter<byte> writer)
    {
        var span = writer.GetSpan(SizeOf(chunk));
        var at = 0;
        if (chunk.ResourceName.Length > 0)
        {
            span[at++] = ResourceNameTag;
            at += PutVarint(span[at..], (ulong)Encoding.UTF8.GetByteCount(chunk.ResourceName));
            at += Encoding.UTF8.GetBytes(chunk.ResourceName, span[at..]);
        }
        if (chunk.Offset != 0)
        {
            span[at++] = WriteOffsetTag;
            at += PutVarint(span[at..], (ulong)chunk.Offset);
        }
        if (chunk.Finish)
        {
            span[at++] = FinishWriteTag;
            span[at++] = 1;
        }
        if (!chunk.Data.IsEmpty)
        {
            span[at++] = DataTag;
            at += PutVarint(span[at..], (ulong)chunk.Data.Length);
            chunk.Data.Span.CopyTo(span[at..]);
            at += chunk.Data.Length;
        }
        writer.Advance(at);
    }

    private static void PutChunk(WriteChunk chunk, SerializationContext context)
    {
        context.SetPayloadLength(SizeOf(chunk));
        Put(chunk, context.GetBufferWriter());
        context.Complete();
    }

    private static int VarintSize(ulong value)
    {
        var size = 1;
        while ((value >>= 7) != 0)
            size++;
        return size;
    }

    private static int PutVarint(Span<byte> target, ulong value)
    {
        var at = 0;
        for (; value >= 0x80; value >>= 7)
            target[at++] = (byte)(value | 0x80);
        target[at++] = (byte)value;
        return at;
    }

    private static ulong ReadVarint(ref SequenceReader<byte> reader)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (!reader.TryRead(out var part))
                throw new InvalidDataException("a ReadResponse that ends too early");
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
                return value;
        }
        throw new InvalidDataException("a ReadResponse with a number that is too long");
    }

    private static void Skip(ref SequenceReader<byte> reader, int wireType)
    {
        var length = wireType switch
        {
            0 => 0,
            1 => 8,
            2 => checked((long)ReadVarint(ref reader)),
            5 => 4,
            _ => throw new InvalidDataException($"a ReadResponse with wire type {wireType}"),
        };
        if (wireType == 0)
            ReadVarint(ref reader);
        else if (length > reader.Remaining)
            throw new InvalidDataException("a ReadResponse that ends too early");
        else
            reader.Advance(length);
    }
}
