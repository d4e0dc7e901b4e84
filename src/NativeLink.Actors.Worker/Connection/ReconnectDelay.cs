namespace NativeLink.Actors.Worker.Connection;

/// <summary>Growing delays with jitter: each at least half and at most the whole of a figure that doubles up to a cap.</summary>
internal sealed class ReconnectDelay
{
    private readonly TimeSpan _first;
    private readonly TimeSpan _cap;
    private readonly Random _random;
    private TimeSpan _next;

    public ReconnectDelay(TimeSpan first, TimeSpan cap, Random random) => (_first, _cap, _random, _next) = (first, cap, random, first);

    public TimeSpan Next()
    {
        var delay = _next * (0.5 + (_random.NextDouble() / 2));
        _next = _next * 2 < _cap ? _next * 2 : _cap;
        return delay;
    }

    public void Reset() => _next = _first;
}
