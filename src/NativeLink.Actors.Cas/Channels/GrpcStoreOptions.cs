using System.Collections.Immutable;

namespace NativeLink.Actors.Cas.Channels;

/// <summary>A <c>grpc</c> store (protos/README.md 5.5).</summary>
public sealed record GrpcStoreOptions
{
    public string InstanceName { get; init; } = "";

    public required ImmutableArray<GrpcEndpointOptions> Endpoints { get; init; }

    public int ConnectionsPerEndpoint { get; init; } = 1;

    /// <summary>0 is no limit of the operator's; the client keeps a bound of its own.</summary>
    public int MaxConcurrentRequests { get; init; }

    /// <summary>Zero: no deadline of the operator's; the client keeps a bound of its own.</summary>
    public TimeSpan RpcTimeout { get; init; }

    public RetryOptions Retry { get; init; } = new();

    /// <summary>Leave the digest function out of sha256 resource names.</summary>
    public bool UseLegacyResourceNames { get; init; }

    public ImmutableDictionary<string, string> Headers { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Compress where the server offers zstd and it pays.</summary>
    public bool Compression { get; init; }
}
