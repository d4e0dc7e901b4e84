using System.Collections.Immutable;
using Microsoft.Win32.SafeHandles;
using NativeLink.Actors.Cas.Codec;

namespace NativeLink.Actors.Cas;

/// <summary>
/// One blob of a batch read: its bytes, or why it could not be read (a missing one has
/// <see cref="FaultKind.Missing"/>).
/// </summary>
public readonly record struct BatchBlob(Digest Digest, ReadOnlyMemory<byte> Data, Fault? Fault);

/// <summary>The bytes of one blob to upload: in memory, or a file from its beginning.</summary>
/// <param name="Path">Of the file, for messages.</param>
public readonly record struct BlobSource(ReadOnlyMemory<byte> Data, SafeFileHandle? File, string Path = "")
{
    /// <summary>Fills as much as there is from that place on.</summary>
    /// <returns>Bytes read; fewer than asked for only at the end.</returns>
    /// <exception cref="FaultException">Worker: the file cannot be read. Never an
    /// <see cref="IOException"/>, which means the connection to who waits for a call.</exception>
    internal int Read(Span<byte> target, long offset)
    {
        if (File is null)
        {
            var rest = Data.Span[(int)offset..];
            var count = Math.Min(rest.Length, target.Length);
            rest[..count].CopyTo(target);
            return count;
        }

        try
        {
            var filled = 0;
            while (filled < target.Length && RandomAccess.Read(File, target[filled..], offset + filled) is > 0
                and var read)
                filled += read;
            return filled;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(FaultKind.Worker, $"{Path} cannot be read: {error.Message}", error);
        }
    }
}

/// <summary>
/// A CAS, whichever it is: one behind gRPC, or the content store of this machine. Digests carry
/// their function; implementations retry as their configuration says, resume broken streams,
/// compress where it pays, and bound their own concurrency. Every call has a deadline.
/// </summary>
public interface ICasClient : IAsyncDisposable
{
    /// <summary>How many bytes of blobs one batch call may carry, in either direction.</summary>
    int MaxBatchBytes { get; }

    /// <summary>
    /// Bytes of the largest blob that the CAS takes, as far as it has said so; else
    /// <see cref="long.MaxValue"/>.
    /// </summary>
    long MaxBlobBytes { get; }

    /// <summary>
    /// Grows whenever the CAS was away: a connection to it ended, or a call
    /// found it unavailable. Who remembers what it has, remembers it for
    /// one such number: a CAS that comes back may have lost everything.
    /// </summary>
    long Absences { get; }

    /// <summary>
    /// The digests that the CAS lacks, in the order asked, whatever their functions; the empty blob
    /// is never missing; nothing asked is answered without a call.
    /// </summary>
    /// <exception cref="FaultException">Storage, with the gRPC code.</exception>
    Task<ImmutableArray<Digest>> FindMissingAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellation);

    /// <summary>
    /// Small blobs in one call; together at most <see cref="MaxBatchBytes"/>. Contents are not
    /// verified here. One answer each, in any order.
    /// </summary>
    /// <exception cref="FaultException">Storage, when the whole call failed.</exception>
    Task<IReadOnlyList<BatchBlob>> ReadBatchAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellation);

    /// <summary>
    /// Streams one blob of any size into <paramref name="sink"/>, which owns
    /// each piece and is waited for before the next is asked for; resumes at
    /// the right offset after a break. Contents are not verified here.
    /// </summary>
    /// <exception cref="FaultException">Missing, when the CAS lacks it; Storage otherwise.</exception>
    Task ReadAsync(Digest digest, Func<BlobPiece, ValueTask> sink, CancellationToken cancellation);

    /// <summary>
    /// A directory and all its descendants by GetTree, breadth first, repeated ones once. Null when
    /// the server does not offer it. Messages come undigested: the caller hashes them.
    /// </summary>
    /// <exception cref="FaultException">Missing, when a directory is not in the CAS (the set may be
    /// incomplete); Storage otherwise.</exception>
    Task<IReadOnlyList<Reapi.Directory>?> GetTreeAsync(Digest root, CancellationToken cancellation);

    /// <summary>
    /// Small blobs in one call; together at most <see cref="MaxBatchBytes"/>. Answers those that
    /// were refused, each with its fault; the others are durable.
    /// </summary>
    /// <exception cref="FaultException">Storage, when the whole call failed.</exception>
    Task<IReadOnlyDictionary<Digest, Fault>> TryWriteBatchAsync(
        IReadOnlyCollection<(Digest Digest, ReadOnlyMemory<byte> Data)> blobs, CancellationToken cancellation);

    /// <summary>Streams one blob of any size. An early answer of the server is success.</summary>
    /// <exception cref="FaultException">Storage.</exception>
    Task WriteAsync(Digest digest, BlobSource source, CancellationToken cancellation);
}

/// <summary>An action cache to write results to.</summary>
public interface IActionCacheClient : IAsyncDisposable
{
    /// <summary>
    /// Sets the result of an action, whatever the cache had for it (REAPI <c>UpdateActionResult</c>); all that it names
    /// is in the CAS already.
    /// </summary>
    /// <exception cref="FaultException">Storage.</exception>
    Task UpdateAsync(Digest action, Reapi.ActionResult result, CancellationToken cancellation);
}
