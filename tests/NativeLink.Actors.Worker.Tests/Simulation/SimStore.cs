using Grpc.Core;
using Microsoft.Win32.SafeHandles;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Worker.Tests.Simulation;

/// <summary>A content store in memory: what is leased stays, of the rest the oldest goes first.</summary>
internal sealed class SimStore(SimWorld world, long mostBytes) : ILocalStore
{
    private readonly OrderedDictionary<Digest, Blob> _blobs = [];

    /// <summary>Leases that nobody has ended.</summary>
    public int Leases => _blobs.Values.Sum(static blob => blob.Leases);

    public int Evicted { get; private set; }

    public byte[] Read(in Digest digest) => digest.IsEmpty ? [] : _blobs[digest].Data;

    public bool Contains(in Digest digest) => digest.IsEmpty || _blobs.ContainsKey(digest);

    public IDisposable? TryLeaseKnown(in Digest digest) =>
        _blobs.TryGetValue(digest, out var blob) ? new Lease([blob]) : null;

    public IDisposable LeaseAll(IReadOnlyCollection<Digest> digests, out IReadOnlyList<Digest> missing)
    {
        missing = [.. digests.Where(digest => !Contains(digest))];
        world.Trace.Add($"store lease {digests.Count} missing {missing.Count}");
        return new Lease([.. digests.Where(digest => _blobs.ContainsKey(digest)).Select(digest => _blobs[digest])]);
    }

    public void Put(in Digest digest, ReadOnlySpan<byte> content) => PutLeased(digest, content).Dispose();

    public IDisposable PutLeased(in Digest digest, ReadOnlySpan<byte> content)
    {
        world.Trace.Add($"store put {SimWorld.Short(digest)}");
        if (BlobHasher.Compute(content, digest.Function) != digest)
            throw new FaultException(new Fault(FaultKind.Storage, $"the bytes are not those of {digest}")
            {
                Code = StatusCode.DataLoss,
            });
        if (!_blobs.TryGetValue(digest, out var blob))
            _blobs.Add(digest, blob = new Blob(content.ToArray()));
        var lease = new Lease([blob]);
        Evict();
        return lease;
    }

    public IBlobWriter BeginWrite(in Digest digest) => new Writer(this, world, digest);

    public void Adopt(string path, in Digest digest)
    {
        Put(digest, world.Disk.Read(path));
        world.Disk.Delete(path);
    }

    public void CopyFrom(SafeFileHandle file, in Digest digest) =>
        throw new NotSupportedException("no file here has a descriptor");

    private void Evict()
    {
        var bytes = _blobs.Values.Sum(static blob => (long)blob.Data.Length);
        foreach (var (digest, blob) in _blobs.Where(static pair => pair.Value.Leases == 0).ToList())
        {
            if (bytes <= mostBytes)
                return;
            bytes -= blob.Data.Length;
            _blobs.Remove(digest);
            Evicted++;
            world.Trace.Add($"store evict {SimWorld.Short(digest)}");
        }
    }

    private sealed class Blob(byte[] data)
    {
        public byte[] Data => data;

        public int Leases { get; set; }
    }

    private sealed class Lease : IDisposable
    {
        private IReadOnlyList<Blob> _blobs;

        public Lease(IReadOnlyList<Blob> blobs)
        {
            _blobs = blobs;
            foreach (var blob in blobs)
                blob.Leases++;
        }

        public void Dispose()
        {
            foreach (var blob in _blobs)
                blob.Leases--;
            _blobs = [];
        }
    }

    private sealed class Writer(SimStore store, SimWorld world, Digest digest) : IBlobWriter
    {
        private readonly MemoryStream _data = new();

        public void Append(ReadOnlySpan<byte> data)
        {
            world.Trace.Add($"store append {SimWorld.Short(digest)} at {_data.Length} {data.Length}");
            _data.Write(data);
        }

        public IDisposable CommitLeased() => store.PutLeased(digest, _data.ToArray());

        public void Dispose() => _data.Dispose();
    }
}
