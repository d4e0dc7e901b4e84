using System.Buffers;
using System.Collections.Immutable;
using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Codec;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Ports;

/// <summary>
/// A CAS and an action cache in memory that take their
/// time, and sometimes are away, wrong or forgetful.
/// </summary>
internal sealed class SimCas(SimWorld world) : ICasClient, IActionCacheClient
{
    private const int PieceBytes = 16 << 10;

    private readonly Dictionary<Digest, byte[]> _blobs = [];
    private readonly Dictionary<Digest, byte[]> _lost = [];

    public int MaxBatchBytes => 64 << 10;

    public long MaxBlobBytes => long.MaxValue;

    /// <summary>What the action cache has.</summary>
    public Dictionary<Digest, Reapi.ActionResult> Results { get; } = [];

    public long Absences { get; private set; }

    /// <summary>Streams that brought a whole blob.</summary>
    public int Streamed { get; private set; }

    public Digest Add(byte[] data)
    {
        var digest = BlobHasher.Compute(data, DigestFunction.Sha256);
        _blobs[digest] = data;
        _lost.Remove(digest);
        return digest;
    }

    public Digest Add(IMessage message) => Add(message.ToByteArray());

    public byte[] this[Digest digest] => digest.IsEmpty ? [] : _blobs[digest];

    /// <summary>A client that was told of missing blobs brings them again.</summary>
    public void BringBack()
    {
        foreach (var (digest, data) in _lost)
            _blobs[digest] = data;
        _lost.Clear();
    }

    public bool Has(in Digest digest) => digest.IsEmpty || _blobs.ContainsKey(digest);

    public async Task<ImmutableArray<Digest>> FindMissingAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellation)
    {
        await CallAsync($"find {digests.Count}", cancellation);
        return [.. digests.Where(digest => !Has(digest))];
    }

    public async Task<IReadOnlyList<BatchBlob>> ReadBatchAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellation)
    {
        await CallAsync($"read batch {string.Join(' ', digests.Select(digest => SimWorld.Short(digest)))}",
            cancellation);
        foreach (var digest in digests.Where(digest => world.Strike(SimFault.CasLoses, SimWorld.Short(digest))))
            Lose(digest);
        return [.. digests.Select(Blob)];
    }

    public async Task ReadAsync(Digest digest, Func<BlobPiece, ValueTask> sink, CancellationToken cancellation)
    {
        await CallAsync($"read {SimWorld.Short(digest)}", cancellation);
        if (!Has(digest))
            throw new FaultException(MissingBlobs.One(digest));
        var data = Told(digest);
        for (var offset = 0; offset < data.Length; offset += PieceBytes)
        {
            // Some pieces come at once: the way to the disk is filled, and has to hold back.
            if (world.Chance(0.3))
                await world.DelayAsync(1, 4, cancellation);
            if (world.Strike(SimFault.CasStreamBreaks, SimWorld.Short(digest)))
                throw Away("the stream broke");
            var length = Math.Min(PieceBytes, data.Length - offset);
            var buffer = ArrayPool<byte>.Shared.Rent(length);
            data.AsSpan(offset, length).CopyTo(buffer);
            await sink(BlobPiece.Of(buffer, length));
        }
        Streamed++;
    }

    public Task<IReadOnlyList<Reapi.Directory>?> GetTreeAsync(Digest root, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<Reapi.Directory>?>(null);

    public async Task<IReadOnlyDictionary<Digest, Fault>> TryWriteBatchAsync(
        IReadOnlyCollection<(Digest Digest, ReadOnlyMemory<byte> Data)> blobs, CancellationToken cancellation)
    {
        await CallAsync($"write batch {string.Join(' ', blobs.Select(blob => SimWorld.Short(blob.Digest)))}",
            cancellation);
        foreach (var (digest, data) in blobs)
            Keep(digest, data);
        return ImmutableDictionary<Digest, Fault>.Empty;
    }

    public async Task WriteAsync(Digest digest, BlobSource source, CancellationToken cancellation)
    {
        await CallAsync($"write {SimWorld.Short(digest)}", cancellation);
        Keep(digest, source.Data);
    }

    public async Task UpdateAsync(Digest action, Reapi.ActionResult result, CancellationToken cancellation)
    {
        await CallAsync($"update action cache {SimWorld.Short(action)}", cancellation);
        Results[action] = result;
        world.Tell(checker => checker.Cached(action, result));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task CallAsync(string what, CancellationToken cancellation)
    {
        world.Trace.Add($"cas {what}");
        await world.DelayAsync(1, world.Strike(SimFault.CasStalls, what) ? 30_000 : 20, cancellation);
        if (world.Strike(SimFault.CasAway, what))
            throw Away("the CAS is away");
    }

    private FaultException Away(string why)
    {
        Absences++;
        world.Trace.Add($"cas {why}");
        return new FaultException(new Fault(FaultKind.Storage, why) { Code = StatusCode.Unavailable });
    }

    private BatchBlob Blob(Digest digest) => Has(digest)
        ? new BatchBlob(digest, Told(digest), null)
        : new BatchBlob(digest, default, MissingBlobs.One(digest));

    private byte[] Told(in Digest digest)
    {
        var data = this[digest];
        if (data.Length == 0 || !world.Strike(SimFault.CasCorrupts, SimWorld.Short(digest)))
            return data;
        data = [.. data];
        data[^1] ^= 1;
        return data;
    }

    private void Lose(in Digest digest)
    {
        if (_blobs.Remove(digest, out var data))
            _lost[digest] = data;
    }

    private void Keep(in Digest digest, ReadOnlyMemory<byte> data)
    {
        if (BlobHasher.Compute(data.Span, digest.Function) != digest)
            world.Violate($"the CAS was given other bytes than those of {digest}");
        Add(data.ToArray());
    }
}
