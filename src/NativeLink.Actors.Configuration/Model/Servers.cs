using System.Collections.Immutable;
using System.Net;

namespace NativeLink.Actors.Configuration.Model;

/// <summary>A listener with what is served there (protos/README.md 5.7).</summary>
internal sealed record ServerConfig : ConfigItem
{
    public string Name { get; init; } = "";

    public required IPEndPoint Address { get; init; }

    public bool HasTls { get; init; }

    /// <summary>Calls without the identity header are to be refused.</summary>
    public bool RequiresIdentity { get; init; }

    /// <summary>Largest gRPC message accepted.</summary>
    public long MaxDecodingMessageSize { get; init; } = 4 << 20;

    public ServicesConfig Services { get; init; } = new();
}

/// <summary>What a listener serves; lists are empty and values null where a service is not there.</summary>
internal sealed record ServicesConfig : ConfigItem
{
    public ImmutableArray<StoreServiceConfig> Cas { get; init; } = [];

    public ImmutableArray<StoreServiceConfig> ActionCache { get; init; } = [];

    public ImmutableArray<StoreServiceConfig> ByteStream { get; init; } = [];

    public ImmutableArray<CapabilitiesServiceConfig> Capabilities { get; init; } = [];

    public ImmutableArray<ExecutionServiceConfig> Execution { get; init; } = [];

    public WorkerApiServiceConfig? WorkerApi { get; init; }

    /// <summary>
    /// Services of the file that the local cluster does not have: <c>fetch</c>, <c>push</c>,
    /// <c>experimental_bep</c>, <c>admin</c>, <c>health</c>.
    /// </summary>
    public ImmutableArray<string> Others { get; init; } = [];
}

/// <summary>A store served under an instance name: <c>cas</c>, <c>ac</c> or <c>bytestream</c>.</summary>
internal sealed record StoreServiceConfig(string InstanceName, string Store) : ConfigItem
{
    /// <summary>Of <c>ac</c>.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Of <c>bytestream</c>: how long an unfinished upload is kept.</summary>
    public TimeSpan PersistTimeout { get; init; } = TimeSpan.FromSeconds(60);
}

/// <param name="Scheduler">Null when execution is not offered.</param>
internal sealed record CapabilitiesServiceConfig(
    string InstanceName, string? Scheduler, bool RemoteCacheCompression) : ConfigItem;

internal sealed record ExecutionServiceConfig(string InstanceName, string CasStore, string Scheduler) : ConfigItem;

internal sealed record WorkerApiServiceConfig(
    string Scheduler, bool KillRevoked, TimeSpan KillRevokedInterval) : ConfigItem;
