namespace NativeLink.Actors.Worker.Connection;

/// <summary>
/// How long a worker waits before it tries its scheduler again: each time at least half and at most the whole of a
/// figure that doubles up to a cap.
/// </summary>
internal sealed class ReconnectDelay(Random random)
{
    private const double Factor = 2;
    private static readonly TimeSpan First = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan Cap = TimeSpan.FromSeconds(8);

    private TimeSpan _next = First;

    public TimeSpan Next()
    {
        // Workers that lost their scheduler together are not to come back together.
        var delay = _next * (0.5 + (random.NextDouble() / 2));
        _next = _next * Factor < Cap ? _next * Factor : Cap;
        return delay;
    }

    public void Reset() => _next = First;
}
