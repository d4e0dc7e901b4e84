using System.Collections.Immutable;

namespace NativeLink.Actors.Configuration.Model;

internal enum GrpcStoreKind
{
    Cas,
    ActionCache,
}

/// <summary>A remote CAS or action cache (protos/README.md 5.5).</summary>
internal sealed record GrpcStore(
    GrpcStoreKind Kind, string InstanceName, ImmutableArray<EndpointConfig> Endpoints) : StoreConfig("grpc")
{
    public RetryConfig Retry { get; init; } = new();

    /// <summary>0 is no limit.</summary>
    public int MaxConcurrentRequests { get; init; }

    public int ConnectionsPerEndpoint { get; init; } = 1;

    /// <summary>Zero is none.</summary>
    public TimeSpan RpcTimeout { get; init; }

    public bool UseLegacyResourceNames { get; init; }

    public ImmutableDictionary<string, string> Headers { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Null when the file does not say: see <see cref="NativeLinkConfig.Compresses"/>.</summary>
    public bool? RemoteCacheCompression { get; init; }
}

/// <summary>Where a server is and how the connection is kept.</summary>
/// <param name="Uri">Absolute, with the scheme as written: grpc, grpcs, http or https.</param>
internal sealed record EndpointConfig(Uri Uri) : ConfigItem
{
    /// <summary>Set exactly when the scheme is grpcs or https.</summary>
    public TlsConfig? Tls { get; init; }

    /// <summary>0 is no limit.</summary>
    public int ConcurrencyLimit { get; init; }

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan TcpKeepAlive { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan Http2KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan Http2KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(20);
}

/// <summary>Files in PEM form.</summary>
internal sealed record TlsConfig(string? CaFile, string? CertFile, string? KeyFile, bool UseNativeRoots);

/// <summary>How often a call that failed is tried again.</summary>
/// <param name="MaxRetries">0: never.</param>
/// <param name="Jitter">A fraction of the delay.</param>
internal sealed record RetryConfig(int MaxRetries = 0, TimeSpan Delay = default, double Jitter = 0)
{
    /// <summary>Names of gRPC codes as in <c>Unavailable</c>; empty: the usual ones.</summary>
    public ImmutableArray<string> RetryOn { get; init; } = [];
}
