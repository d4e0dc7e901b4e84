using System.Collections.Immutable;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>How one worker presents itself to its scheduler (protos/README.md 5.3).</summary>
public sealed record ConnectionOptions
{
    /// <summary>The prefix of the worker's id; may be empty.</summary>
    public string Name { get; init; } = "";

    /// <summary>Its scheduler, and the protocol between them.</summary>
    public required SchedulerEndpointOptions SchedulerEndpoint { get; init; }

    /// <summary>Connect timeout; its half is the keep-alive period.</summary>
    public TimeSpan EndpointTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// 0 is unlimited towards the scheduler; the worker then runs as many at once as the machine
    /// has processors × 8, the rest waits.
    /// </summary>
    public int MaxInflightTasks { get; init; }

    /// <summary>What becomes of running actions when the stream is lost.</summary>
    public DisconnectOptions OnDisconnect { get; init; } = new();

    /// <summary>
    /// What the scheduler matches actions against, one announced property a value, in this order (protos/README.md
    /// 3.9).
    /// </summary>
    public ImmutableArray<PlatformPropertySource> PlatformProperties { get; init; } = [];
}
