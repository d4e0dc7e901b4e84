using System.Collections.Immutable;

namespace NativeLink.Actors.Configuration.Model;

/// <summary>
/// One worker of the file (protos/README.md 5.3); everything
/// that the file left out has its default here already.
/// </summary>
internal sealed record WorkerConfig : ConfigItem
{
    public string Name { get; init; } = "";

    public required EndpointConfig Endpoint { get; init; }

    public TimeSpan EndpointTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Absolute. Wiped at start, so it is checked to hold nothing else.</summary>
    public required string WorkDirectory { get; init; }

    public ConfigPlace WorkDirectoryAt { get; init; } = ConfigPlace.WholeFile;

    /// <summary>
    /// The store's name; in the short form it may be a
    /// <c>grpc</c> store, elsewhere it is a <c>fast_slow</c>.
    /// </summary>
    public required string CasStore { get; init; }

    public ConfigPlace CasStoreAt { get; init; } = ConfigPlace.WholeFile;

    /// <summary>0 is unlimited.</summary>
    public int MaxInflightTasks { get; init; }

    public TimeSpan MaxActionTimeout { get; init; } = TimeSpan.FromSeconds(1200);

    public TimeSpan MaxUploadTimeout { get; init; } = TimeSpan.FromSeconds(600);

    public TimeSpan MaxCleanupWait { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan MaxCleanupBackoff { get; init; } = TimeSpan.FromMilliseconds(500);

    public bool TimeoutHandledExternally { get; init; }

    public string Entrypoint { get; init; } = "";

    public string? PreconditionScript { get; init; }

    public ImmutableArray<PropertyConfig> PlatformProperties { get; init; } = [];

    public ImmutableArray<EnvironmentConfig> AdditionalEnvironment { get; init; } = [];

    public ResultConfig Results { get; init; } = new();

    /// <summary>Null when the file has no such block.</summary>
    public DirectoryCacheConfig? DirectoryCache { get; init; }

    public bool ActiveInputLeases { get; init; }

    public bool UseNamespaces { get; init; }

    public bool UseMountNamespace { get; init; }
}

/// <summary>A property to announce: fixed values, or a command whose lines are the values.</summary>
internal sealed record PropertyConfig(string Name, ImmutableArray<string> Values, string? QueryCommand);

internal enum EnvironmentKind
{
    Value,
    Property,
    FromEnvironment,
    TimeoutMillis,
    SideChannelFile,
    ActionDirectory,
}

/// <param name="Argument">The text of <see cref="EnvironmentKind.Value"/>, the name of
/// <see cref="EnvironmentKind.Property"/>, else empty.</param>
internal sealed record EnvironmentConfig(string Name, EnvironmentKind Kind, string Argument);

internal enum UploadStrategy
{
    SuccessOnly,
    FailuresOnly,
    Everything,
    Never,
}

/// <summary>The <c>upload_action_result</c> block.</summary>
internal sealed record ResultConfig : ConfigItem
{
    public string? AcStore { get; init; }

    public UploadStrategy AcStrategy { get; init; } = UploadStrategy.SuccessOnly;

    /// <summary>Null: the CAS.</summary>
    public string? HistoricalStore { get; init; }

    public UploadStrategy HistoricalStrategy { get; init; } = UploadStrategy.FailuresOnly;

    public string SuccessMessageTemplate { get; init; } = "";

    public string FailureMessageTemplate { get; init; } = "";
}

/// <summary>The <c>directory_cache</c> block.</summary>
internal sealed record DirectoryCacheConfig : ConfigItem
{
    public int MaxEntries { get; init; } = 1000;

    /// <summary>0 is no limit.</summary>
    public long MaxSizeBytes { get; init; } = 10L << 30;

    /// <summary>Null: beside the work directory.</summary>
    public string? CacheRoot { get; init; }

    public bool SubtreeCaching { get; init; }

    public int MaxConcurrentFetches { get; init; } = 64;

    public bool GetTreePrefetch { get; init; }
}
