using NativeLink.Actors.Worker.Supervision;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>
/// How long a connection waits, and how that grows. With jitter: workers that lost their scheduler together are not to
/// come back together.
/// </summary>
internal static class ConnectionDelays
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(0.5);

    /// <summary>Before a worker tries its scheduler again.</summary>
    public static GrowingDelay Reconnect(Random random) => new(First, TimeSpan.FromSeconds(8), random);

    /// <summary>Before what is too much is refused.</summary>
    public static GrowingDelay Overflow(Random random) => new(First, TimeSpan.FromSeconds(5), random);

    /// <summary>Before an idle worker says that it cannot take an action now (protos/README.md 3.7).</summary>
    public static GrowingDelay BackPressure(Random random) => new(First, TimeSpan.FromSeconds(5), random);

    /// <summary>Before a paused worker tries whether it can work again.</summary>
    public static GrowingDelay Probe(Random random) => new(TimeSpan.FromSeconds(2), TimeSpan.FromMinutes(1), random);
}
