using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using Google.Protobuf;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Codec;

namespace NativeLink.Actors.Library.Tests;

/// <summary>A CAS in memory.</summary>
internal sealed class SimulatedCas : ICasClient
{
    private readonly ConcurrentDictionary<Digest, byte[]> _blobs = new();

    public int MaxBatchBytes => 1 << 20;

    public long MaxBlobBytes => long.MaxValue;

    public long Absences => 0;

    public Digest Add(IMessage message)
    {
        var bytes = message.ToByteArray();
        var digest = Digest.FromHash(SHA256.HashData(bytes), bytes.Length, DigestFunction.Sha256);
        _blobs[digest] = bytes;
        return digest;
    }

    /// <summary>An action without inputs that may run so long.</summary>
    public Digest AddAction(TimeSpan timeout, params string[] arguments) => Add(new Reapi.Action
    {
        CommandDigest = Add(new Reapi.Command { Arguments = { arguments } }).ToWire(),
        InputRootDigest = Add(new Reapi.Directory()).ToWire(),
        Timeout = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(timeout),
    });

    public Task<ImmutableArray<Digest>> FindMissingAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellation) =>
        Task.FromResult(digests.Where(digest => !digest.IsEmpty && !_blobs.ContainsKey(digest)).ToImmutableArray());

    public Task<IReadOnlyList<BatchBlob>> ReadBatchAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<BatchBlob>>([.. digests.Select(digest => _blobs.TryGetValue(digest, out var data)
            ? new BatchBlob(digest, data, null)
            : new BatchBlob(digest, default, new Fault(FaultKind.Missing, $"{digest} is missing")))]);

    public async Task ReadAsync(Digest digest, Func<BlobPiece, ValueTask> sink, CancellationToken cancellation)
    {
        if (!_blobs.TryGetValue(digest, out var data))
            throw new FaultException(FaultKind.Missing, $"{digest} is missing");
        var rented = ArrayPool<byte>.Shared.Rent(data.Length);
        data.CopyTo(rented, 0);
        await sink(BlobPiece.Of(rented, data.Length));
    }

    public Task<IReadOnlyList<Reapi.Directory>?> GetTreeAsync(Digest root, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<Reapi.Directory>?>(null);

    public Task<IReadOnlyDictionary<Digest, Fault>> TryWriteBatchAsync(
        IReadOnlyCollection<(Digest Digest, ReadOnlyMemory<byte> Data)> blobs, CancellationToken cancellation)
    {
        foreach (var (digest, data) in blobs)
            _blobs[digest] = data.ToArray();
        return Task.FromResult<IReadOnlyDictionary<Digest, Fault>>(ImmutableDictionary<Digest, Fault>.Empty);
    }

    public Task WriteAsync(Digest digest, BlobSource source, CancellationToken cancellation)
    {
        var data = source.Data.ToArray();
        if (source.File is { } file)
            RandomAccess.Read(file, data = new byte[digest.SizeBytes], 0);
        _blobs[digest] = data;
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
