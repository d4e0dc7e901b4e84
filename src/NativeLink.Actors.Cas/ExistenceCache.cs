namespace NativeLink.Actors.Cas;

/// <summary>
/// Blobs that the CAS was known to have a short while ago, so that the outputs of one build are not
/// asked for again and again. Each is known for the CAS as it was then: after an absence nothing
/// is. Not safe for several threads.
/// </summary>
internal sealed class ExistenceCache(TimeProvider time)
{
    private const int Most = 50_000;

    /// <summary>A CAS may evict; so soon after a use none does.</summary>
    private static readonly TimeSpan Age = TimeSpan.FromSeconds(60);

    private readonly Dictionary<Digest, (long At, long Absences)> _seen = [];
    private readonly Queue<(Digest Digest, long At)> _order = [];

    /// <param name="absences"><see cref="ICasClient.Absences"/> now.</param>
    public bool Contains(Digest digest, long absences) =>
        _seen.TryGetValue(digest, out var seen) && seen.Absences == absences && time.GetElapsedTime(seen.At) < Age;

    /// <param name="absences"><see cref="ICasClient.Absences"/> before the CAS was asked.</param>
    public void Add(Digest digest, long absences)
    {
        var now = time.GetTimestamp();
        _seen[digest] = (now, absences);
        _order.Enqueue((digest, now));
        while (_order.Count > Most || (_order.TryPeek(out var first) && time.GetElapsedTime(first.At) >= Age))
        {
            var (old, at) = _order.Dequeue();
            if (_seen.GetValueOrDefault(old).At == at)
                _seen.Remove(old);
        }
    }
}
