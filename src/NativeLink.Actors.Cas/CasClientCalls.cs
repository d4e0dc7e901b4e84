namespace NativeLink.Actors.Cas;

/// <summary>Calls in simpler forms.</summary>
internal static class CasClientCalls
{
    /// <summary>Whether a blob travels with others in a batch; else in a stream of its own.</summary>
    internal static bool IsSmall(this ICasClient cas, in Digest digest) =>
        digest.SizeBytes <= Math.Min(CasLimits.SmallBlobBytes, cas.MaxBatchBytes);

    /// <summary>Small blobs in one call, all or nothing.</summary>
    /// <exception cref="FaultException">Storage: the first blob that was refused, or the whole call.</exception>
    public static async Task WriteBatchAsync(
        this ICasClient cas, IReadOnlyCollection<(Digest Digest, ReadOnlyMemory<byte> Data)> blobs,
        CancellationToken cancellation)
    {
        var refused = await cas.TryWriteBatchAsync(blobs, cancellation);
        if (refused.Count > 0)
            throw new FaultException(refused.First().Value);
    }

    /// <summary>
    /// Streams one blob into <paramref name="sink"/>, which
    /// looks at each piece before the next is asked for.
    /// </summary>
    /// <inheritdoc cref="ICasClient.ReadAsync"/>
    public static Task ReadAsync(this ICasClient cas, Digest digest, Action<ReadOnlySpan<byte>> sink,
        CancellationToken cancellation) =>
        cas.ReadAsync(digest, piece =>
        {
            using (piece)
                sink(piece.Memory.Span);
            return default;
        }, cancellation);
}
