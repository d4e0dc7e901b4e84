using System.Collections.Immutable;

namespace NativeLink.Actors.Configuration.Model;

// The kinds of schedulers are one closed family, like the stores.

internal sealed record NamedScheduler(string Name, SchedulerConfig Scheduler) : ConfigItem;

/// <summary>A scheduler (protos/README.md 5.6).</summary>
/// <param name="Type">Its key in the file, for example <c>simple</c>.</param>
internal abstract record SchedulerConfig(string Type) : ConfigItem;

/// <summary>How a worker's property is compared with what an action asks for.</summary>
internal enum PropertyMatch
{
    Minimum,
    Exact,
    Priority,
    Ignore,
}

internal sealed record SimpleScheduler() : SchedulerConfig("simple")
{
    public ImmutableDictionary<string, PropertyMatch> SupportedProperties { get; init; } =
        ImmutableDictionary<string, PropertyMatch>.Empty;

    public TimeSpan RetainCompletedFor { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Null when the file does not say; NativeLink then takes 60 s.</summary>
    public TimeSpan? ClientActionTimeout { get; init; }

    public TimeSpan WorkerTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Zero is off.</summary>
    public TimeSpan MaxActionExecutingTimeout { get; init; }

    public TimeSpan UnacknowledgedKillTimeout { get; init; } = TimeSpan.FromSeconds(60);

    public int MaxJobRetries { get; init; } = 3;

    public bool MostRecentlyUsedFirst { get; init; }

    /// <summary>The name of a store in which NativeLink would keep the scheduler's state; null: memory.</summary>
    public string? RedisStore { get; init; }
}

/// <summary>A scheduler in another process.</summary>
internal sealed record GrpcScheduler(EndpointConfig Endpoint) : SchedulerConfig("grpc");

/// <summary>
/// A scheduler that does something before it hands on: <c>cache_lookup</c>,
/// <c>property_modifier</c>, <c>historical_resource</c>.
/// </summary>
/// <param name="AcStore">The action cache of <c>cache_lookup</c>, else null.</param>
internal sealed record WrapperScheduler(
    string Type, SchedulerConfig Inner, string? AcStore = null) : SchedulerConfig(Type)
{
    /// <summary>A <c>property_modifier</c> that changes anything.</summary>
    public bool Modifies { get; init; }
}
