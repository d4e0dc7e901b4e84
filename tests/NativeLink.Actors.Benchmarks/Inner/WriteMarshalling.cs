using System.Buffers;
using BenchmarkDotNet.Attributes;
using Google.ByteStream;
using Google.Protobuf;
using NativeLink.Actors.Cas.Codec;

namespace NativeLink.Actors.Benchmarks.Inner;

/// <summary>
/// One message of ByteStream.Write at its sender, from the bytes that were read from a file to the
/// buffer of the wire: our marshaller, which leaves them where they are, and the generated code,
/// whose message wants a copy of its own as long as the buffer is used again.
/// </summary>
public class WriteMarshalling
{
    private const string Name =
        "uploads/00000000-0000-0000-0000-000000000000/blobs/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/1048576";
    private const long Offset = 64 << 20;

    private readonly ArrayBufferWriter<byte> _wire = new();
    private byte[] _read = [];

    [Params(64 << 10, 1 << 20)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Prepare() => _read = new byte[Bytes];

    [Benchmark(Baseline = true)]
    public int Generated()
    {
        _wire.ResetWrittenCount();
        new WriteRequest
        {
            ResourceName = Name,
            WriteOffset = Offset,
            Data = ByteString.CopyFrom(_read),
        }.WriteTo(_wire);
        return _wire.WrittenCount;
    }

    [Benchmark]
    public int Own()
    {
        _wire.ResetWrittenCount();
        new WriteFrame(Name, Offset, finish: false, _read).WriteTo(_wire);
        return _wire.WrittenCount;
    }
}
