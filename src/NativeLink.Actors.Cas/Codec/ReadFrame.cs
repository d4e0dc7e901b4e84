using System.Buffers;
using Grpc.Core;
using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.Cas.Codec;

/// <summary>
/// <c>google.bytestream.ReadResponse</c>. To send: a piece of a file, read straight into the
/// connection's buffer, or bytes in memory that the sender keeps until the message has been
/// written. Received: bytes in a pooled buffer, which disposing gives back.
/// </summary>
internal sealed class ReadFrame : IDisposable
{
    private const int Piece = 64 << 10;
    private const byte DataTag = (10 << 3) | 2;

    private readonly SafeFileHandle? _file;
    private readonly long _offset;
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly int _length;
    private BlobPiece? _received;

    /// <param name="length">Bytes; the file has at least <paramref name="offset"/> + so many.</param>
    public ReadFrame(SafeFileHandle file, long offset, int length) =>
        (_file, _offset, _length) = (file, offset, length);

    public ReadFrame(ReadOnlyMemory<byte> bytes) => (_bytes, _length) = (bytes, bytes.Length);

    private ReadFrame()
    {
    }

    /// <summary>What was received, until disposed.</summary>
    public ReadOnlySpan<byte> Data => _received is null ? default : _received.Memory.Span;

    /// <summary>What was received, for whoever takes it: it is not given back with the frame.</summary>
    public BlobPiece TakeData() => Interlocked.Exchange(ref _received, null) ?? BlobPiece.CopyOf(default);

    /// <summary>Reads the wire form; fields unknown to us are skipped.</summary>
    /// <exception cref="InvalidDataException">Not a message.</exception>
    public static ReadFrame Parse(in ReadOnlySequence<byte> payload)
    {
        var frame = new ReadFrame();
        try
        {
            var reader = new SequenceReader<byte>(payload);
            while (!reader.End)
            {
                var tag = WireFormat.ReadVarint(ref reader);
                if (tag == DataTag)
                    frame.Set(WireFormat.ReadBytes(ref reader));
                else
                    WireFormat.Skip(ref reader, tag);
            }
            return frame;
        }
        catch (InvalidDataException error)
        {
            frame.Dispose();
            throw new InvalidDataException($"ReadResponse: {error.Message}", error);
        }
    }

    public void Dispose() => _received?.Dispose();

    internal static void Serialize(ReadFrame frame, SerializationContext context)
    {
        Span<byte> header = stackalloc byte[6];
        var headerLength = WriteHeader(header, frame._length);
        context.SetPayloadLength(headerLength + frame._length);
        var target = context.GetBufferWriter();
        target.Write(header[..headerLength]);
        if (frame._file is null)
            target.Write(frame._bytes.Span);
        else
            CopyFile(frame._file, frame._offset, frame._length, target);
        context.Complete();
    }

    /// <summary>Replaces what it held, as a field that comes twice does.</summary>
    private void Set(in ReadOnlySequence<byte> bytes)
    {
        _received?.Dispose();
        _received = BlobPiece.CopyOf(bytes);
    }

    private static int WriteHeader(Span<byte> header, int length)
    {
        if (length == 0)
            return 0;
        header[0] = DataTag;
        return 1 + WireFormat.WriteVarint(header[1..], (uint)length);
    }

    private static void CopyFile(SafeFileHandle file, long offset, int length, IBufferWriter<byte> target)
    {
        while (length > 0)
        {
            var span = target.GetSpan(Math.Min(length, Piece));
            var read = RandomAccess.Read(file, span[..Math.Min(span.Length, length)], offset);
            if (read == 0)
                throw new RpcException(new Status(StatusCode.Internal,
                    $"the blob's file ends at {offset}, before its size; it has been damaged in the store"));
            target.Advance(read);
            offset += read;
            length -= read;
        }
    }
}
