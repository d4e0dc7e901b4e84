using System.Collections.Immutable;
using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.Worker.Remote;

/// <summary>One blob of a batch read: its bytes, or why it could not be read (a missing one has <see cref="FaultKind.Missing"/>).</summary>
public readonly record struct BatchBlob(Digest Digest, ReadOnlyMemory<byte> Data, Fault? Fault);

/// <summary>The bytes of one blob to upload: in memory, or a file from its beginning.</summary>
public readonly record struct BlobSource(ReadOnlyMemory<byte> Data, SafeFileHandle? File);

/// <summary>
/// A CAS, whichever it is: one behind gRPC, or the content store of this machine. Digests carry their function; implementations retry as their
/// configuration says, resume broken streams, compress where it pays, and bound their own concurrency. Every call has a deadline.
/// </summary>
public interface ICasClient : IAsyncDisposable
{
    /// <summary>How many bytes of blobs one batch call may carry, in either direction.</summary>
    int MaxBatchBytes { get; }

    /// <summary>The digests that the CAS lacks, in the order asked; the empty blob is never missing; nothing asked is answered without a call.</summary>
    /// <exception cref="FaultException">Storage, with the gRPC code.</exception>
    Task<ImmutableArray<Digest>> FindMissingAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellation);

    /// <summary>Small blobs in one call; together at most <see cref="MaxBatchBytes"/>. Contents are not verified here. One answer each, in any order.</summary>
    /// <exception cref="FaultException">Storage, when the whole call failed.</exception>
    Task<IReadOnlyList<BatchBlob>> ReadBatchAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellation);

    /// <summary>Streams one blob of any size into <paramref name="sink"/>, resuming at the right offset after a break. Contents are not verified here.</summary>
    /// <exception cref="FaultException">Missing, when the CAS lacks it; Storage otherwise.</exception>
    Task ReadAsync(Digest digest, Action<ReadOnlySpan<byte>> sink, CancellationToken cancellation);

    /// <summary>
    /// A directory and all its descendants by GetTree, breadth first, repeated ones once. Null when the server does not offer it.
    /// Messages come undigested: the caller hashes them.
    /// </summary>
    /// <exception cref="FaultException">Missing, when a directory is not in the CAS (the set may be incomplete); Storage otherwise.</exception>
    Task<IReadOnlyList<Reapi.Directory>?> GetTreeAsync(Digest root, CancellationToken cancellation);

    /// <summary>Small blobs in one call; together at most <see cref="MaxBatchBytes"/>.</summary>
    /// <exception cref="FaultException">Storage: the first blob that was refused, or the whole call.</exception>
    Task WriteBatchAsync(IReadOnlyCollection<(Digest Digest, ReadOnlyMemory<byte> Data)> blobs, CancellationToken cancellation);

    /// <summary>Streams one blob of any size. An early answer of the server is success.</summary>
    /// <exception cref="FaultException">Storage.</exception>
    Task WriteAsync(Digest digest, BlobSource source, CancellationToken cancellation);
}

/// <summary>An action cache to write results to.</summary>
public interface IActionCacheClient : IAsyncDisposable
{
    /// <exception cref="FaultException">Storage.</exception>
    Task UpdateAsync(Digest action, Reapi.ActionResult result, CancellationToken cancellation);
}
