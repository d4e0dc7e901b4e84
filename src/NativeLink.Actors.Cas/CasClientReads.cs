using NativeLink.Actors.Cas.Codec;

namespace NativeLink.Actors.Cas;

/// <summary>Reads for who takes each piece at once.</summary>
public static class CasClientReads
{
    /// <summary>Streams one blob into <paramref name="sink"/>, which looks at each piece before the next is asked for.</summary>
    /// <inheritdoc cref="ICasClient.ReadAsync"/>
    public static Task ReadAsync(this ICasClient cas, Digest digest, Action<ReadOnlySpan<byte>> sink, CancellationToken cancellation) =>
        cas.ReadAsync(digest, piece =>
        {
            using (piece)
                sink(piece.Memory.Span);
            return default;
        }, cancellation);
}
