namespace NativeLink.Actors.LocalCluster.BlobAccess;

/// <summary>
/// How much data still goes into a <c>BatchReadBlobs</c> answer: clients take messages of 4 MiB,
/// and however small the blobs are, each entry has a digest and a status besides.
/// </summary>
internal sealed class BatchResponseBudget
{
    /// <summary>What every gRPC library takes unless it is told otherwise.</summary>
    public const int MessageBytes = 4 << 20;

    /// <summary>
    /// Tags and lengths of an entry, its compressor, and
    /// the short status that it has when it holds no data.
    /// </summary>
    private const int EntryBytes = 48;

    private long _left = MessageBytes;

    /// <param name="digests">Of all entries, which are answered whatever becomes of their data.</param>
    public BatchResponseBudget(IEnumerable<Reapi.Digest> digests) =>
        _left -= digests.Sum(digest => (long)digest.CalculateSize() + EntryBytes);

    /// <summary>Whether so much data still fits; then it is taken from the budget.</summary>
    public bool TryTake(long bytes)
    {
        if (bytes > _left)
            return bytes == 0;
        _left -= bytes;
        return true;
    }
}
