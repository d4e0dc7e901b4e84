using NativeLink.Actors.LocalCluster.BlobAccess;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster.Results;

/// <summary>The content store as the scheduler asks it before it queues an action.</summary>
internal sealed class CasActionSource(ContentStore store) : IActionSource
{
    public ValueTask<ReadOnlyMemory<byte>?> ReadAsync(Digest digest, CancellationToken cancellation)
    {
        var bytes = BlobReads.TryReadAll(store, digest);
        return ValueTask.FromResult(bytes is null ? default(ReadOnlyMemory<byte>?) : bytes);
    }

    public ValueTask<IReadOnlyList<Digest>> FindMissingAsync(
        IReadOnlyList<Digest> digests, CancellationToken cancellation) =>
        ValueTask.FromResult<IReadOnlyList<Digest>>([.. digests.Where(digest => !store.Contains(digest))]);
}
