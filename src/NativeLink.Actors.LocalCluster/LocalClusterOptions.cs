using System.Collections.Immutable;
using System.Net;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster;

public enum PropertyType
{
    Minimum,
    Exact,
    Priority,
    Ignore,
}

/// <summary>A scheduler, CAS and action cache for one machine. The command line's room makes it from switches and a NativeLink file.</summary>
public sealed record LocalClusterOptions
{
    /// <summary>Where clients connect; port 0 takes a free one.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 50051);

    /// <summary>Where workers connect; port 0 takes a free one.</summary>
    public IPEndPoint WorkerApiListen { get; init; } = new(IPAddress.Loopback, 50061);

    public required ContentStoreOptions Cas { get; init; }

    /// <summary>Absolute path of a directory for action cache entries.</summary>
    public required string ActionCachePath { get; init; }

    /// <summary>0 is no limit.</summary>
    public long ActionCacheMaxEntries { get; init; } = 100_000;

    /// <summary>Instances that are served; empty: any name.</summary>
    public ImmutableArray<string> Instances { get; init; } = [];

    public SchedulerOptions Scheduler { get; init; } = new();

    /// <summary>Offer zstd on streams and in batches.</summary>
    public bool Compression { get; init; } = true;

    /// <summary>Advertised; for NativeLink's own figure of 65 536 workers take 2 MiB.</summary>
    public int MaxBatchTotalSizeBytes { get; init; } = 4_000_000 - 65_536;

    /// <summary>Largest gRPC message accepted.</summary>
    public int MaxMessageBytes { get; init; } = 4 << 20;

    /// <summary>False only in benchmarks that need a server like NativeLink's.</summary>
    public bool NoDelay { get; init; } = true;

    /// <summary>How long an unfinished upload is kept under its uuid.</summary>
    public TimeSpan PartialUploadLifetime { get; init; } = TimeSpan.FromSeconds(60);
}

/// <summary>The <c>simple</c> scheduler's settings (wire contract 5.6).</summary>
public sealed record SchedulerOptions
{
    public ImmutableDictionary<string, PropertyType> SupportedProperties { get; init; } = ImmutableDictionary<string, PropertyType>.Empty;

    public TimeSpan WorkerTimeout { get; init; } = TimeSpan.FromSeconds(5);

    public TimeSpan ClientActionTimeout { get; init; } = TimeSpan.FromSeconds(15);

    public TimeSpan RetainCompletedFor { get; init; } = TimeSpan.FromSeconds(60);

    public TimeSpan UnacknowledgedKillTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Zero is off.</summary>
    public TimeSpan MaxActionExecutingTimeout { get; init; }

    public TimeSpan KillRevokedInterval { get; init; } = TimeSpan.FromSeconds(5);

    public int MaxJobRetries { get; init; } = 3;

    public bool MostRecentlyUsedFirst { get; init; }

    /// <summary>How often a line in the log says why the oldest waiting operation finds no worker; zero is off.</summary>
    public TimeSpan MatchLoggingInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>More waiting operations than this are refused with RESOURCE_EXHAUSTED.</summary>
    public int MaxQueuedOperations { get; init; } = 100_000;

    /// <summary>More workers than this are refused with RESOURCE_EXHAUSTED.</summary>
    public int MaxWorkers { get; init; } = 1_000;
}
