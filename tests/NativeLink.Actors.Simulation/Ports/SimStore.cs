using Grpc.Core;
using Microsoft.Win32.SafeHandles;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Simulation.Ports;

/// <summary>A content store in memory: what is leased stays, of the rest the oldest goes first.</summary>
internal sealed class SimStore(SimWorld world, SimDisk disk, long mostBytes, Func<bool> leaks) : ILocalStore
{
    private readonly OrderedDictionary<Digest, Blob> _blobs = [];

    /// <summary>Leases that nobody has ended.</summary>
    public int Leases => _blobs.Values.Sum(static blob => blob.Leases);

    /// <summary>What the store has beyond its bound and need not have.</summary>
    public long BytesTooMany => Math.Min(
        _blobs.Values.Sum(static blob => (long)blob.Data.Length) - mostBytes,
        _blobs.Values.Where(static blob => blob.Leases == 0).Sum(static blob => (long)blob.Data.Length));

    public byte[] Read(in Digest digest) => digest.IsEmpty ? [] : _blobs[digest].Data;

    public bool Contains(in Digest digest) => digest.IsEmpty || _blobs.ContainsKey(digest);

    public IDisposable? TryLeaseKnown(in Digest digest) =>
        _blobs.TryGetValue(digest, out var blob) ? new Lease(this, [blob]) : null;

    public IDisposable LeaseAll(IReadOnlyCollection<Digest> digests, out IReadOnlyList<Digest> missing)
    {
        missing = [.. digests.Where(digest => !Contains(digest))];
        world.Trace.Add($"store lease {digests.Count} missing {missing.Count}");
        return new Lease(
            this, [.. digests.Where(digest => _blobs.ContainsKey(digest)).Select(digest => _blobs[digest])]);
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
        if (world.Strike(SimFault.DiskFull, SimWorld.Short(digest)))
            throw DiskFault.Of($"{SimWorld.Short(digest)} cannot be written", Errno.ENOSPC);
        if (!_blobs.TryGetValue(digest, out var blob))
            _blobs.Add(digest, blob = new Blob(content.ToArray()));
        var lease = new Lease(this, [blob]);
        Evict();
        return lease;
    }

    public IBlobWriter BeginWrite(in Digest digest) => new Writer(this, world, digest);

    public void Adopt(string path, in Digest digest)
    {
        Put(digest, disk.Read(path));
        disk.Delete(path);
    }

    public void CopyFrom(SafeFileHandle file, in Digest digest) =>
        throw new NotSupportedException("no file here has a descriptor");

    private bool Leaks() => leaks();

    private void Evict()
    {
        var bytes = _blobs.Values.Sum(static blob => (long)blob.Data.Length);
        foreach (var (digest, blob) in _blobs.Where(static pair => pair.Value.Leases == 0).ToList())
        {
            if (bytes <= mostBytes)
                return;
            bytes -= blob.Data.Length;
            _blobs.Remove(digest);
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
        private readonly SimStore _store;
        private IReadOnlyList<Blob> _blobs;

        public Lease(SimStore store, IReadOnlyList<Blob> blobs)
        {
            (_store, _blobs) = (store, blobs);
            foreach (var blob in blobs)
                blob.Leases++;
        }

        public void Dispose()
        {
            if (_store.Leaks())
                return;
            foreach (var blob in _blobs)
                blob.Leases--;
            _blobs = [];
            _store.Evict();
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
