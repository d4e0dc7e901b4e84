using System.Buffers;
using BenchmarkDotNet.Attributes;
using Google.ByteStream;
using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.Cas.Codec;

namespace NativeLink.Actors.Benchmarks.Inner;

/// <summary>One message of ByteStream.Read at its receiver: our marshaller and the generated code.</summary>
public class ReadMarshalling
{
    private Payload _payload = new([]);

    [Params(64 << 10, 1 << 20)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Prepare() => _payload = new Payload(new ReadResponse
    {
        Data = ByteString.CopyFrom(new byte[Bytes]),
    }.ToByteArray());

    [Benchmark(Baseline = true)]
    public int Generated() => ReadResponse.Parser.ParseFrom(_payload.PayloadAsReadOnlySequence()).Data.Length;

    [Benchmark]
    public int Pooled()
    {
        using var frame = ReadFrame.Parse(_payload.PayloadAsReadOnlySequence());
        return frame.Data.Length;
    }

    private sealed class Payload(byte[] bytes) : DeserializationContext
    {
        public override int PayloadLength => bytes.Length;

        public override byte[] PayloadAsNewBuffer() => [.. bytes];

        public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(bytes);
    }
}
