using System.Collections.Immutable;
using System.Net;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster;

internal enum PropertyType
{
    Minimum,
    Exact,
    Priority,
    Ignore,
}

/// <summary>
/// A scheduler, CAS and action cache for one machine. The command line's room makes it from
/// switches and a NativeLink file.
/// </summary>
internal sealed record LocalClusterOptions
{
    /// <summary>Where clients connect; port 0 takes a free one.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 50051);

    /// <summary>Where workers connect; port 0 takes a free one.</summary>
    public IPEndPoint WorkerApiListen { get; init; } = new(IPAddress.Loopback, 50061);

    public required ContentStoreOptions Cas { get; init; }

    /// <summary>
    /// How long a blob that a client was told of stays while there is anything
    /// else to evict; zero is not at all. As long as most builds take: what a
    /// client was told of in its course it asks for until its end.
    /// </summary>
    public TimeSpan KeepFor { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Absolute path of a directory for action cache entries.</summary>
    public required string ActionCachePath { get; init; }

    /// <summary>0 is no limit.</summary>
    public long ActionCacheMaxEntries { get; init; } = 100_000;

    /// <summary>Instances that are served; empty: any name.</summary>
    public ImmutableArray<string> Instances { get; init; } = [];

    /// <summary>Instances that execute; null: all that are served.</summary>
    public ImmutableArray<string>? ExecutionInstances { get; init; }

    /// <summary>Instances under which clients may read the action cache and not write it.</summary>
    public ImmutableArray<string> ReadOnlyActionCaches { get; init; } = [];

    /// <summary>False: workers are in this process alone, and there is no second address.</summary>
    public bool ServesWorkerApi { get; init; } = true;

    public SchedulerOptions Scheduler { get; init; } = new();

    /// <summary>Offer zstd on streams and in batches.</summary>
    public bool Compression { get; init; } = true;

    /// <summary>Advertised; for NativeLink's own figure of 65 536 workers take 2 MiB.</summary>
    public int MaxBatchTotalSizeBytes { get; init; } = 4_000_000 - 65_536;

    /// <summary>
    /// Largest gRPC message accepted, but for those of the CAS: what is in one of these has
    /// <see cref="CasOverheadBytes"/> besides.
    /// </summary>
    public int MaxMessageBytes { get; init; } = 4 << 20;

    /// <summary>
    /// What digests, names and lengths may add to a batch, and what a FindMissingBlobs may have
    /// altogether: clients count the blobs alone, and an entry takes some 85 bytes besides, so that
    /// this is room for nearly 200,000 of them.
    /// </summary>
    public int CasOverheadBytes { get; init; } = 16 << 20;

    /// <summary>False only in benchmarks that need a server like NativeLink's.</summary>
    public bool NoDelay { get; init; } = true;

    /// <summary>How long an unfinished upload is kept under its name.</summary>
    public TimeSpan PartialUploadLifetime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long the stream of an upload may send nothing.</summary>
    public TimeSpan UploadStallLimit { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Most bytes that uploads which have not ended may
    /// hold on disk; 0: as many as the CAS may hold.
    /// </summary>
    public long MaxUploadBytes { get; init; }
}

/// <summary>The <c>simple</c> scheduler's settings (protos/README.md 5.6).</summary>
internal sealed record SchedulerOptions
{
    public ImmutableDictionary<string, PropertyType> SupportedProperties { get; init; } =
        ImmutableDictionary<string, PropertyType>.Empty;

    public TimeSpan WorkerTimeout { get; init; } = TimeSpan.FromSeconds(5);

    public TimeSpan ClientActionTimeout { get; init; } = TimeSpan.FromSeconds(15);

    public TimeSpan RetainCompletedFor { get; init; } = TimeSpan.FromSeconds(60);

    public TimeSpan UnacknowledgedKillTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// What an action's inputs may take before its own timeout begins to count: the scheduler's
    /// clock, which stands behind the worker's, is both together.
    /// </summary>
    public TimeSpan StagingTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Zero is off.</summary>
    public TimeSpan MaxActionExecutingTimeout { get; init; }

    public TimeSpan KillRevokedInterval { get; init; } = TimeSpan.FromSeconds(5);

    public int MaxJobRetries { get; init; } = 3;

    public bool MostRecentlyUsedFirst { get; init; }

    /// <summary>
    /// How often a line in the log says why the oldest
    /// waiting operation finds no worker; zero is off.
    /// </summary>
    public TimeSpan MatchLoggingInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>More waiting operations than this are refused with RESOURCE_EXHAUSTED.</summary>
    public int MaxQueuedOperations { get; init; } = 100_000;

    /// <summary>More workers than this are refused with RESOURCE_EXHAUSTED.</summary>
    public int MaxWorkers { get; init; } = 1_000;
}
