using System.Collections.Immutable;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker.Connection;

namespace NativeLink.Actors.Worker;

/// <summary>What a host of workers needs: the services that all workers in it share. The command line's room makes it from the configuration.</summary>
public sealed record WorkerHostOptions
{
    /// <summary>The CAS that inputs come from and outputs go to.</summary>
    public required CasOptions Cas { get; init; }

    /// <summary>The store on this disk that inputs pass through.</summary>
    public required ContentStoreOptions LocalStore { get; init; }

    /// <summary>That store, when it is open in this process already (the local cluster's CAS); the host then neither opens nor disposes it.</summary>
    public ContentStore? SharedStore { get; init; }

    /// <summary>The CAS when a client for it is open in this process already; <see cref="Cas"/> is then not looked at, and the host does not dispose it.</summary>
    public ICasClient? CasClient { get; init; }

    /// <summary>The action cache likewise, for all workers; the host does not dispose it.</summary>
    public IActionCacheClient? ActionCacheClient { get; init; }

    /// <summary>The way to the scheduler likewise, for all workers; null: gRPC, to each worker's own endpoint.</summary>
    public ISchedulerLink? SchedulerLink { get; init; }

    /// <summary>Whether what is written fills the local store (<c>fast_direction</c>). What is read always does: inputs are made of its files.</summary>
    public bool FillStoreOnWrite { get; init; } = true;

    public required DirectoryCacheOptions DirectoryCache { get; init; }

    public required ImmutableArray<WorkerOptions> Workers { get; init; }

    /// <summary>How long a drain may take before it is cut.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromMinutes(20);

    /// <summary>Report 9 for every death by a signal, as NativeLink does, instead of 128 + n.</summary>
    public bool SignalExitCodeIsNine { get; init; }
}

/// <summary>Where the CAS is: exactly one of the two is set.</summary>
public sealed record CasOptions
{
    /// <summary>A CAS behind gRPC.</summary>
    public GrpcStoreOptions? Grpc { get; init; }

    /// <summary>The local store is the CAS itself (<c>slow: noop</c>, or a store on this machine).</summary>
    public bool LocalStoreOnly { get; init; }
}

/// <summary>The cache of input trees (wire contract 5.3, <c>directory_cache</c>), on by default here.</summary>
/// <param name="Root">Absolute path, on the file system of the local store where possible.</param>
public sealed record DirectoryCacheOptions(string Root)
{
    public int MaxEntries { get; init; } = 1000;

    /// <summary>0 is no limit.</summary>
    public long MaxSizeBytes { get; init; } = 10L << 30;

    /// <summary>Null: chosen at start by trying; else <c>overlay</c>, <c>reflink</c>, <c>hardlink</c> or <c>copy</c>.</summary>
    public string? ForcedMaterialiser { get; init; }

    /// <summary>Memory for what running actions write, before further ones write to disk; null: a quarter of the machine's, 0: none.</summary>
    public long? ScratchMemoryBytes { get; init; }
}

/// <summary>One worker (wire contract 5.3). Durations that the file left out have their defaults here already.</summary>
public sealed record WorkerOptions
{
    /// <summary>The prefix of the worker's id; may be empty.</summary>
    public string Name { get; init; } = "";

    /// <summary>Where the scheduler listens for workers.</summary>
    public required GrpcEndpointOptions SchedulerEndpoint { get; init; }

    /// <summary>Connect timeout; its half is the keep-alive period.</summary>
    public TimeSpan EndpointTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Wiped at start; holds <c>{attempt}/work</c> while an action runs.</summary>
    public required string WorkDirectory { get; init; }

    /// <summary>Whether that is one worker's part of its parent directory, which then is this program's and holds parts only.</summary>
    public bool WorkDirectoryIsPart { get; init; }

    /// <summary>0 is unlimited towards the scheduler; the worker then runs as many at once as the machine has processors × 8, the rest waits.</summary>
    public int MaxInflightTasks { get; init; }

    public TimeSpan MaxActionTimeout { get; init; } = TimeSpan.FromSeconds(1200);

    public TimeSpan MaxUploadTimeout { get; init; } = TimeSpan.FromSeconds(600);

    public TimeSpan MaxCleanupWait { get; init; } = TimeSpan.FromSeconds(30);

    public bool TimeoutHandledExternally { get; init; }

    /// <summary>Put in front of every command as one word; empty: none.</summary>
    public string Entrypoint { get; init; } = "";

    /// <summary>Split with shell rules; null: none.</summary>
    public string? PreconditionScript { get; init; }

    public TimeSpan PreconditionTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public ImmutableArray<PlatformPropertySource> PlatformProperties { get; init; } = [];

    public ImmutableArray<EnvironmentEntry> AdditionalEnvironment { get; init; } = [];

    /// <summary>This process's own environment, for <c>from_environment</c>.</summary>
    public ImmutableDictionary<string, string> OwnEnvironment { get; init; } = ImmutableDictionary<string, string>.Empty;

    public UploadResultOptions Results { get; init; } = new();
}

/// <summary>A property to announce: either fixed values or a command whose lines are the values, run at each connect.</summary>
public sealed record PlatformPropertySource(string Name, ImmutableArray<string> Values, string? QueryCommand);

public enum EnvironmentSource
{
    /// <summary><see cref="EnvironmentEntry.Argument"/> is the text.</summary>
    Value,

    /// <summary><see cref="EnvironmentEntry.Argument"/> names a platform property of the action; empty when absent.</summary>
    Property,
    FromEnvironment,
    TimeoutMillis,
    SideChannelFile,
    ActionDirectory,
}

public sealed record EnvironmentEntry(string Name, EnvironmentSource Source, string Argument = "");

public enum ResultStrategy
{
    SuccessOnly,
    FailuresOnly,
    Everything,
    Never,
}

/// <summary>Which results are remembered where (wire contract 4.8).</summary>
public sealed record UploadResultOptions
{
    public ResultStrategy ActionCacheStrategy { get; init; } = ResultStrategy.Never;

    /// <summary>Null with strategy Never, or when the local cluster's own cache is used in the process.</summary>
    public GrpcStoreOptions? ActionCache { get; init; }

    public ResultStrategy HistoricalStrategy { get; init; } = ResultStrategy.FailuresOnly;

    /// <summary>Null: the CAS.</summary>
    public GrpcStoreOptions? HistoricalStore { get; init; }

    public string SuccessMessageTemplate { get; init; } = "";

    public string FailureMessageTemplate { get; init; } = "";
}
