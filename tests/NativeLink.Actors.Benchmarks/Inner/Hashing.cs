using BenchmarkDotNet.Attributes;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Hashing;

namespace NativeLink.Actors.Benchmarks.Inner;

/// <summary>Digests of bytes in memory and of files, by both digest functions.</summary>
public class Hashing
{
    private byte[] _content = [];
    private string _file = "";

    [Params(DigestFunction.Sha256, DigestFunction.Blake3)]
    public DigestFunction Function { get; set; }

    [Params(1 << 10, 64 << 10, 1 << 20)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        _content = new byte[Bytes];
        new Random(1).NextBytes(_content);
        _file = Path.GetTempFileName();
        File.WriteAllBytes(_file, _content);
    }

    [GlobalCleanup]
    public void Remove() => File.Delete(_file);

    [Benchmark(Baseline = true)]
    public Digest InMemory() => BlobHasher.Compute(_content, Function);

    [Benchmark]
    public Digest OfFile() => FileHasher.Hash(_file, Function);
}
