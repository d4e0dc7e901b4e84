using System.Buffers;
using Google.ByteStream;
using Google.Protobuf;
using NativeLink.Actors.LocalCluster.Services;
using NativeLink.Actors.LocalCluster.Tests.Host;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

/// <summary>Our own reader of <c>WriteRequest</c> against the generated one.</summary>
public sealed class WriteChunkTests
{
    [Theory]
    [InlineData("", 0, false, 0)]
    [InlineData("uploads/u/blobs/x/1", 1L << 40, true, 5)]
    [InlineData("ü/uploads/u/blobs/x/1", -1, false, 70_000)]
    public void It_reads_what_generated_code_writes_however_the_bytes_are_cut(string name, long offset, bool finish, int length)
    {
        var data = Blobs.Random(length);
        var bytes = new WriteRequest { ResourceName = name, WriteOffset = offset, FinishWrite = finish, Data = ByteString.CopyFrom(data) }.ToByteArray();
        foreach (var cut in new[] { 1, 3, 4096, int.MaxValue })
        {
            using var chunk = WriteChunk.Parse(Pieces(bytes, cut));
            Assert.Equal((name, offset, finish), (chunk.ResourceName, chunk.WriteOffset, chunk.FinishWrite));
            Assert.Equal(data, chunk.Data.ToArray());
        }
    }

    [Fact]
    public void Fields_that_it_does_not_know_are_skipped_and_the_last_of_a_repeated_one_counts()
    {
        byte[] bytes = [0x20, 0x05, 0x29, 1, 2, 3, 4, 5, 6, 7, 8, 0x32, 2, 9, 9, 0x3d, 1, 2, 3, 4, 0x10, 7, 0x10, 8, 0x52, 1, 65, 0x52, 2, 66, 67];
        using var chunk = WriteChunk.Parse(new ReadOnlySequence<byte>(bytes));
        Assert.Equal((8, "BC"), (chunk.WriteOffset, System.Text.Encoding.ASCII.GetString(chunk.Data)));
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
        Assert.Throws<InvalidDataException>(() => WriteChunk.Parse(bytes).Dispose());
    }

    private static ReadOnlySequence<byte> Pieces(byte[] bytes, int cut)
    {
        var first = new Segment(bytes.AsMemory(0, Math.Min(cut, bytes.Length)), 0);
        var last = first;
        for (var at = first.Memory.Length; at < bytes.Length; at += last.Memory.Length)
            last = last.Append(bytes.AsMemory(at, Math.Min(cut, bytes.Length - at)));
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long index) => (Memory, RunningIndex) = (memory, index);

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
