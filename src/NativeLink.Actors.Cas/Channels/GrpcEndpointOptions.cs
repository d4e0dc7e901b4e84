namespace NativeLink.Actors.Cas.Channels;

/// <summary>One address of a remote service, and how to connect to it (protos/README.md 5.3, 5.5).</summary>
/// <param name="Address">http:// or https://; the <c>grpc</c> schemes have been replaced.</param>
public sealed record GrpcEndpointOptions(Uri Address)
{
    public TlsOptions? Tls { get; init; }

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan TcpKeepAlive { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan Http2KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan Http2KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>0 is no limit.</summary>
    public int ConcurrencyLimit { get; init; }
}
