using System.Buffers;
using CsCheck;
using Google.ByteStream;
using Google.Protobuf;
using NativeLink.Actors.Cas.Codec;

namespace NativeLink.Actors.Cas.Tests.Codec;

public sealed class FrameTests
{
    [Fact]
    public void What_we_write_is_what_generated_code_would_write() =>
        Gen.Select(Gen.String[0, 200], Gen.Long[0, long.MaxValue], Gen.Bool, Gen.Byte.Array[0, 3000])
            .Sample((name, offset, finish, data) =>
        {
            using var frame = new WriteFrame(name, offset, finish, data);
            var writer = new ArrayBufferWriter<byte>();
            frame.WriteTo(writer);
            var expected = new WriteRequest
            {
                ResourceName = WellFormed(name),
                WriteOffset = offset,
                FinishWrite = finish,
                Data = ByteString.CopyFrom(data),
            };
            Assert.Equal(frame.Size, writer.WrittenCount);
            Assert.Equal(expected, WriteRequest.Parser.ParseFrom(writer.WrittenSpan));
            Assert.Equal(expected.ToByteArray(), writer.WrittenSpan.ToArray());
        }, iter: 300);

    [Fact]
    public void What_generated_code_writes_we_read_also_in_pieces_and_with_unknown_fields() =>
        Gen.Select(Gen.Byte.Array[0, 3000], Gen.Int[1, 64]).Sample((data, piece) =>
        {
            // A varint field 1, a fixed64 field 2, a text field 3 and a fixed32 field 4 that nobody knows.
            byte[] wire = [8, 150, 1, 17, 1, 2, 3, 4, 5, 6, 7, 8, 26, 2, 65, 66, .. new ReadResponse
            {
                Data = ByteString.CopyFrom(data),
            }.ToByteArray(), 37, 1, 2, 3, 4];
            using var frame = ReadFrame.Parse(Pieces(wire, piece));
            Assert.Equal(data, frame.Data.ToArray());
        }, iter: 300);

    [Fact]
    public void A_message_that_ends_too_early_is_refused()
    {
        var wire = new ReadResponse { Data = ByteString.CopyFrom(new byte[100]) }.ToByteArray();
        for (var length = 1; length < wire.Length; length++)
            Assert.Throws<InvalidDataException>(() => ReadFrame.Parse(new ReadOnlySequence<byte>(wire, 0, length)));
    }

    [Theory]
    [InlineData("", 0, false, 0)]
    [InlineData("uploads/u/blobs/x/1", 1L << 40, true, 5)]
    [InlineData("ü/uploads/u/blobs/x/1", -1, false, 70_000)]
    public void A_server_reads_what_generated_code_writes_however_the_bytes_are_cut(
        string name, long offset, bool finish, int length)
    {
        var data = new byte[length];
        new Random(length).NextBytes(data);
        var bytes = new WriteRequest
        {
            ResourceName = name,
            WriteOffset = offset,
            FinishWrite = finish,
            Data = ByteString.CopyFrom(data),
        }.ToByteArray();
        foreach (var cut in new[] { 1, 3, 4096, int.MaxValue })
        {
            using var frame = WriteFrame.Parse(Pieces(bytes, cut));
            Assert.Equal((name, offset, finish), (frame.ResourceName, frame.WriteOffset, frame.FinishWrite));
            Assert.Equal(data, frame.Data.ToArray());
        }
    }

    [Fact]
    public void Fields_that_are_not_known_are_skipped_and_the_last_of_a_repeated_one_counts()
    {
        byte[] bytes = [0x20, 0x05, 0x29, 1, 2, 3, 4, 5, 6, 7, 8, 0x32, 2, 9, 9, 0x3d, 1, 2, 3, 4, 0x10, 7, 0x10, 8,
            0x52, 1, 65, 0x52, 2, 66, 67];
        using var frame = WriteFrame.Parse(new ReadOnlySequence<byte>(bytes));
        Assert.Equal((8, "BC"), (frame.WriteOffset, System.Text.Encoding.ASCII.GetString(frame.Data)));
    }

    [Theory]
    [InlineData("52ff")]
    [InlineData("5205616263")]
    [InlineData("10ffffffffffffffffffffff01")]
    [InlineData("2901")]
    [InlineData("0b")]
    public void Bytes_that_are_no_message_are_refused(string hex)
    {
        var bytes = new ReadOnlySequence<byte>(Convert.FromHexString(hex));
        Assert.Throws<InvalidDataException>(() => WriteFrame.Parse(bytes).Dispose());
        Assert.Throws<InvalidDataException>(() => ReadFrame.Parse(bytes).Dispose());
    }

    /// <summary>Lone surrogates become U+FFFD in either encoder.</summary>
    private static string WellFormed(string text) =>
        System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));

    private static ReadOnlySequence<byte> Pieces(byte[] bytes, int size)
    {
        if (bytes.Length == 0)
            return ReadOnlySequence<byte>.Empty;
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
