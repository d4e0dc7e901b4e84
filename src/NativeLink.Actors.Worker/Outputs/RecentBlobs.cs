namespace NativeLink.Actors.Worker.Outputs;

/// <summary>Blobs that the CAS was known to have a short while ago, so that the outputs of one build are not asked for again and again. Safe for several threads.</summary>
internal sealed class RecentBlobs(TimeProvider time)
{
    private const int Most = 50_000;

    /// <summary>A CAS may evict; so soon after a use none does.</summary>
    private static readonly TimeSpan Age = TimeSpan.FromSeconds(60);

    private readonly Dictionary<Digest, long> _seen = [];
    private readonly Queue<(Digest Digest, long At)> _order = [];

    public bool Contains(Digest digest)
    {
        lock (_seen)
            return _seen.TryGetValue(digest, out var at) && time.GetElapsedTime(at) < Age;
    }

    public void Add(Digest digest)
    {
        lock (_seen)
        {
            var now = time.GetTimestamp();
            _seen[digest] = now;
            _order.Enqueue((digest, now));
            while (_order.Count > Most || (_order.TryPeek(out var first) && time.GetElapsedTime(first.At) >= Age))
            {
                var (old, at) = _order.Dequeue();
                if (_seen.GetValueOrDefault(old) == at)
                    _seen.Remove(old);
            }
        }
    }
}
