using System.Buffers;
using Grpc.Core;
using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>
/// <c>google.bytestream.ReadResponse</c>: either a piece of a file, read straight into the connection's buffer, or bytes in memory that the sender
/// keeps until the message has been written.
/// </summary>
public sealed class ReadChunk
{
    private const int Piece = 64 << 10;
    private const byte DataTag = (10 << 3) | 2;

    private readonly SafeFileHandle? _file;
    private readonly long _offset;
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly int _length;

    public ReadChunk(SafeFileHandle file, long offset, int length) => (_file, _offset, _length) = (file, offset, length);

    public ReadChunk(ReadOnlyMemory<byte> bytes) => (_bytes, _length) = (bytes, bytes.Length);

    internal static void Serialize(ReadChunk chunk, SerializationContext context)
    {
        Span<byte> header = stackalloc byte[6];
        var headerLength = WriteHeader(header, chunk._length);
        context.SetPayloadLength(headerLength + chunk._length);
        var target = context.GetBufferWriter();
        target.Write(header[..headerLength]);
        if (chunk._file is null)
            target.Write(chunk._bytes.Span);
        else
            CopyFile(chunk._file, chunk._offset, chunk._length, target);
        context.Complete();
    }

    private static int WriteHeader(Span<byte> header, int length)
    {
        if (length == 0)
            return 0;
        header[0] = DataTag;
        var at = 1;
        for (var rest = (uint)length; ; rest >>= 7)
        {
            if (rest < 0x80)
            {
                header[at++] = (byte)rest;
                return at;
            }
            header[at++] = (byte)(rest | 0x80);
        }
    }

    private static void CopyFile(SafeFileHandle file, long offset, int length, IBufferWriter<byte> target)
    {
        while (length > 0)
        {
            var span = target.GetSpan(Math.Min(length, Piece));
            var read = RandomAccess.Read(file, span[..Math.Min(span.Length, length)], offset);
            if (read == 0)
                throw new RpcException(new Status(StatusCode.Internal, $"the blob's file ends at {offset}, before its size; it has been damaged in the store"));
            target.Advance(read);
            offset += read;
            length -= read;
        }
    }
}
