namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>What the scheduler has to know of the CAS before it queues an action. Thread-safe.</summary>
internal interface IActionSource
{
    /// <summary>
    /// Reads a whole small blob (an Action, a Command), whose size the caller has looked at; null when the CAS does not
    /// have it. The empty blob is always there.
    /// </summary>
    ValueTask<ReadOnlyMemory<byte>?> ReadAsync(Digest digest, CancellationToken cancellation);

    /// <summary>
    /// Says which of these blobs the CAS does not have; the empty blob is never missing. A blob
    /// that is found counts as used.
    /// </summary>
    ValueTask<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyList<Digest> digests, CancellationToken cancellation);
}
