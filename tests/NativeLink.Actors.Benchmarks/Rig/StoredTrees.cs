using Google.Protobuf;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>Trees whose files are all in a store: nothing is ever fetched.</summary>
internal sealed class StoredTrees : ITreeSource
{
    private readonly ContentStore _store;

    public StoredTrees(BlobSet blobs, ContentStore store)
    {
        _store = store;
        blobs.PutInto(store);
    }

    public Task<IReadOnlyDictionary<Digest, Reapi.Directory>> GetDirectoriesAsync(
        IReadOnlyCollection<Digest> directories, Func<Digest, Reapi.Directory, bool> isCold,
        CancellationToken cancellation)
    {
        var found = new Dictionary<Digest, Reapi.Directory>();
        foreach (var digest in directories)
            found[digest] = digest.IsEmpty ? new Reapi.Directory() : Read(digest);
        return Task.FromResult<IReadOnlyDictionary<Digest, Reapi.Directory>>(found);
    }

    public Task<IDisposable> FetchAsync(IReadOnlyCollection<Digest> files, CancellationToken cancellation)
    {
        var leases = _store.LeaseAll(files, out var missing);
        return missing.Count == 0
            ? Task.FromResult(leases)
            : throw new InvalidOperationException($"{missing.Count} files are not in the store");
    }

    private Reapi.Directory Read(Digest digest)
    {
        using var handle = _store.TryOpenRead(digest)
            ?? throw new InvalidOperationException($"{digest} is not in the store");
        var bytes = new byte[digest.SizeBytes];
        RandomAccess.Read(handle, bytes, 0);
        return Reapi.Directory.Parser.ParseFrom(ByteString.CopyFrom(bytes));
    }
}
