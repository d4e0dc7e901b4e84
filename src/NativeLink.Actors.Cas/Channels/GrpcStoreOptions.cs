using System.Collections.Immutable;

namespace NativeLink.Actors.Cas.Channels;

/// <summary>A <c>grpc</c> store (protos/README.md 5.5).</summary>
public sealed record GrpcStoreOptions
{
    /// <summary>REAPI's <c>instance_name</c> of every call; may be empty, and may contain slashes.</summary>
    public string InstanceName { get; init; } = "";

    /// <summary>At least one; calls go to them in turn, a repeated one to the next.</summary>
    public required ImmutableArray<GrpcEndpointOptions> Endpoints { get; init; }

    /// <summary>HTTP/2 connections to each endpoint, used in turn; 0 is like 1.</summary>
    public int ConnectionsPerEndpoint { get; init; } = 1;

    /// <summary>0 is no limit of the operator's; the client keeps a bound of its own.</summary>
    public int MaxConcurrentRequests { get; init; }

    /// <summary>Zero: no deadline of the operator's; the client keeps a bound of its own.</summary>
    public TimeSpan RpcTimeout { get; init; }

    /// <summary>How calls that failed are repeated; unless set, they are not.</summary>
    public RetryOptions Retry { get; init; } = new();

    /// <summary>Leave the digest function out of sha256 resource names.</summary>
    public bool UseLegacyResourceNames { get; init; }

    /// <summary>Sent with every call, the names in lower case: an API key, for example.</summary>
    public ImmutableDictionary<string, string> Headers { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Compress where the server offers zstd and it pays.</summary>
    public bool Compression { get; init; }
}
