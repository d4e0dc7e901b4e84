using System.Buffers;
using System.Collections.Immutable;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Codec;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Worker.Stores;

/// <summary>
/// The content store of this machine as the CAS itself (<c>slow: noop</c>). Calls block on the
/// disk; the store stays its owner's.
/// </summary>
internal sealed class StoreCasClient(ContentStore store) : ICasClient
{
    private const int BufferBytes = 1 << 20;

    public int MaxBatchBytes => 2 << 20;

    public long MaxBlobBytes => store.LargestThatFits;

    public long Absences => 0;

    public Task<ImmutableArray<Digest>> FindMissingAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellation) =>
        Task.FromResult(digests.Where(digest => !digest.IsEmpty && !store.Contains(digest)).Distinct()
            .ToImmutableArray());

    public Task<IReadOnlyList<BatchBlob>> ReadBatchAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<BatchBlob>>([.. digests.Select(ReadWhole)]);

    public async Task ReadAsync(Digest digest, Func<BlobPiece, ValueTask> sink, CancellationToken cancellation)
    {
        if (digest.IsEmpty)
            return;
        using var file = store.TryOpenRead(digest) ?? throw new FaultException(MissingBlobs.One(digest));
        for (long offset = 0; ;)
        {
            cancellation.ThrowIfCancellationRequested();
            var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
            var piece = BlobPiece.Of(buffer, RandomAccess.Read(file, buffer, offset));
            offset += piece.Memory.Length;
            if (piece.Memory.IsEmpty)
            {
                piece.Dispose();
                return;
            }
            await sink(piece);
        }
    }

    /// <summary>Directories are read level by level: nothing is gained by one call here.</summary>
    public Task<IReadOnlyList<Reapi.Directory>?> GetTreeAsync(Digest root, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<Reapi.Directory>?>(null);

    public Task<IReadOnlyDictionary<Digest, Fault>> TryWriteBatchAsync(
        IReadOnlyCollection<(Digest Digest, ReadOnlyMemory<byte> Data)> blobs, CancellationToken cancellation)
    {
        var refused = new Dictionary<Digest, Fault>();
        foreach (var (digest, data) in blobs)
        {
            try
            {
                store.Put(digest, data.Span);
            }
            catch (FaultException error)
            {
                refused[digest] = error.Fault;
            }
        }
        return Task.FromResult<IReadOnlyDictionary<Digest, Fault>>(refused);
    }

    public Task WriteAsync(Digest digest, BlobSource source, CancellationToken cancellation)
    {
        if (source.File is null)
            store.Put(digest, source.Data.Span);
        else
            StoreCopy.Write(store, digest, source.File, cancellation);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private BatchBlob ReadWhole(Digest digest)
    {
        if (digest.IsEmpty)
            return new BatchBlob(digest, ReadOnlyMemory<byte>.Empty, null);
        using var file = store.TryOpenRead(digest);
        if (file is null)
            return new BatchBlob(digest, default, MissingBlobs.One(digest));
        var data = new byte[digest.SizeBytes];
        var filled = 0;
        while (filled < data.Length && RandomAccess.Read(file, data.AsSpan(filled), filled) is > 0 and var read)
            filled += read;
        return new BatchBlob(digest, data.AsMemory(0, filled), null);
    }
}
