namespace NativeLink.Actors.Worker.Supervision;

/// <summary>A wait that doubles each time, up to a cap.</summary>
/// <param name="first">The first one.</param>
/// <param name="cap">None is longer.</param>
/// <param name="jitter">Where it is given, each wait is at least half and at most the whole of the figure.</param>
internal sealed class GrowingDelay(TimeSpan first, TimeSpan cap, Random? jitter = null)
{
    private readonly TimeSpan _first = first;
    private TimeSpan _next = first;

    public TimeSpan Next()
    {
        var delay = jitter is null ? _next : _next * (0.5 + (jitter.NextDouble() / 2));
        _next = _next * 2 < cap ? _next * 2 : cap;
        return delay;
    }

    public void Reset() => _next = _first;
}
