using BenchmarkDotNet.Attributes;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem.Index;

namespace NativeLink.Actors.Benchmarks.Inner;

/// <summary>The store's index: a use, a lease, an eviction.</summary>
public class LeastRecentlyUsed
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;

    private readonly BlobIndex _index = new(4096, TimeSpan.FromMinutes(30));
    private Digest[] _digests = [];
    private int _next;

    [Params(10_000, 1_000_000)]
    public int Blobs { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        _digests = [.. Enumerable.Range(0, Blobs)
            .Select(static i => BlobHasher.Compute(BitConverter.GetBytes(i), DigestFunction.Sha256))];
        foreach (var digest in _digests)
            _index.Add(digest, Now);
        new Random(1).Shuffle(_digests);
    }

    [Benchmark]
    public bool Use()
    {
        var entry = _index.Find(Next())!.Value;
        _index.Touch(entry, Now);
        return entry.IsKnown;
    }

    [Benchmark]
    public int LeaseAndRelease()
    {
        var entry = _index.Find(Next())!.Value;
        _index.Lease(entry);
        _index.Release(entry, Now);
        return entry.Leases;
    }

    [Benchmark]
    public long EvictAndAdd()
    {
        var oldest = _index.Oldest(Now)!.Value;
        var key = oldest.Key;
        _index.Remove(oldest);
        _index.Add(key, Now);
        return _index.Bytes;
    }

    private Digest Next() => _digests[_next = (_next + 1) % _digests.Length];
}
