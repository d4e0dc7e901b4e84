using System.Buffers;
using CsCheck;
using Google.ByteStream;
using Google.Protobuf;
using NativeLink.Actors.Worker.Remote;

namespace NativeLink.Actors.Worker.Tests.Remote;

public sealed class ByteStreamWireTests
{
    [Fact]
    public void What_we_write_is_what_generated_code_would_write() =>
        Gen.Select(Gen.String[0, 200], Gen.Long[0, long.MaxValue], Gen.Bool, Gen.Byte.Array[0, 3000]).Sample((name, offset, finish, data) =>
        {
            var chunk = new WriteChunk(name, offset, finish, data);
            var writer = new ArrayBufferWriter<byte>();
            ByteStreamWire.Put(chunk, writer);
            var expected = new WriteRequest { ResourceName = WellFormed(name), WriteOffset = offset, FinishWrite = finish, Data = ByteString.CopyFrom(data) };
            Assert.Equal(ByteStreamWire.SizeOf(chunk), writer.WrittenCount);
            Assert.Equal(expected, WriteRequest.Parser.ParseFrom(writer.WrittenSpan));
            Assert.Equal(expected.ToByteArray(), writer.WrittenSpan.ToArray());
        }, iter: 300);

    [Fact]
    public void What_generated_code_writes_we_read_also_in_pieces_and_with_unknown_fields() =>
        Gen.Select(Gen.Byte.Array[0, 3000], Gen.Int[1, 64]).Sample((data, piece) =>
        {
            // A varint field 1, a fixed64 field 2, a text field 3 and a fixed32 field 4 that nobody knows.
            byte[] wire = [8, 150, 1, 17, 1, 2, 3, 4, 5, 6, 7, 8, 26, 2, 65, 66, .. new ReadResponse { Data = ByteString.CopyFrom(data) }.ToByteArray(), 37, 1, 2, 3, 4];
            using var chunk = ByteStreamWire.ParseChunk(Pieces(wire, piece));
            Assert.Equal(data, chunk.Data.ToArray());
        }, iter: 300);

    [Fact]
    public void A_message_that_ends_too_early_is_refused()
    {
        var wire = new ReadResponse { Data = ByteString.CopyFrom(new byte[100]) }.ToByteArray();
        for (var length = 1; length < wire.Length; length++)
            Assert.Throws<InvalidDataException>(() => ByteStreamWire.ParseChunk(new ReadOnlySequence<byte>(wire, 0, length)));
    }

    /// <summary>Lone surrogates become U+FFFD in either encoder.</summary>
    private static string WellFormed(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));

    private static ReadOnlySequence<byte> Pieces(byte[] bytes, int size)
    {
        Piece? first = null, last = null;
        for (var at = 0; at < bytes.Length; at += size)
        {
            var next = new Piece(bytes.AsMemory(at, Math.Min(size, bytes.Length - at)), last);
            first ??= next;
            last = next;
        }
        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, Piece? before)
        {
            Memory = memory;
            if (before is null)
                return;
            RunningIndex = before.RunningIndex + before.Memory.Length;
            before.Next = this;
        }
    }
}
