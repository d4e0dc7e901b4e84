namespace NativeLink.Actors.Worker.Supervision;

/// <summary>Counts failures without a success between them, within a window.</summary>
/// <param name="most">It opens with so many.</param>
/// <param name="window">Older ones do not count.</param>
internal sealed class CircuitBreaker(int most, TimeSpan window)
{
    private readonly Queue<DateTimeOffset> _failures = [];

    /// <summary>Whether that was one too many; it begins anew then.</summary>
    public bool Failed(DateTimeOffset now)
    {
        _failures.Enqueue(now);
        while (now - _failures.Peek() > window)
            _failures.Dequeue();
        if (_failures.Count < most)
            return false;
        _failures.Clear();
        return true;
    }

    public void Succeeded() => _failures.Clear();
}
