using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// What those who bring blobs here and away ask of a store: <see cref="ContentStore"/> on this disk, or one in memory
/// where there is to be no disk. All members may be called from any thread; they may block.
/// </summary>
internal interface ILocalStore
{
    /// <inheritdoc cref="ContentStore.Contains"/>
    bool Contains(in Digest digest);

    /// <inheritdoc cref="ContentStore.TryLeaseKnown"/>
    IDisposable? TryLeaseKnown(in Digest digest);

    /// <inheritdoc cref="ContentStore.LeaseAll"/>
    IDisposable LeaseAll(IReadOnlyCollection<Digest> digests, out IReadOnlyList<Digest> missing);

    /// <inheritdoc cref="ContentStore.Put(in Digest, ReadOnlySpan{byte})"/>
    void Put(in Digest digest, ReadOnlySpan<byte> content);

    /// <inheritdoc cref="ContentStore.PutLeased"/>
    IDisposable PutLeased(in Digest digest, ReadOnlySpan<byte> content);

    /// <inheritdoc cref="ContentStore.BeginWrite"/>
    IBlobWriter BeginWrite(in Digest digest);

    /// <inheritdoc cref="ContentStore.Adopt"/>
    void Adopt(string path, in Digest digest);

    /// <inheritdoc cref="ContentStore.CopyFrom"/>
    void CopyFrom(SafeFileHandle file, in Digest digest);
}

/// <summary>A blob on its way into a store; see <see cref="BlobWriter"/>.</summary>
internal interface IBlobWriter : IDisposable
{
    /// <inheritdoc cref="BlobWriter.Append"/>
    void Append(ReadOnlySpan<byte> data);

    /// <inheritdoc cref="BlobWriter.CommitLeased"/>
    IDisposable CommitLeased();
}
