using NativeLink.Actors.Cas.Channels;

namespace NativeLink.Actors.Worker;

/// <summary>Where the CAS is: exactly one of the two is set.</summary>
public sealed record CasOptions
{
    /// <summary>A CAS behind gRPC.</summary>
    public GrpcStoreOptions? Grpc { get; init; }

    /// <summary>The local store is the CAS itself (<c>slow: noop</c>, or a store on this machine).</summary>
    public bool LocalStoreOnly { get; init; }
}
