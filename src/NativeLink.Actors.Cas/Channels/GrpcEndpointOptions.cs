namespace NativeLink.Actors.Cas.Channels;

/// <summary>One address of a remote service, and how to connect to it (protos/README.md 5.3, 5.5).</summary>
/// <param name="Address">http:// or https://; the <c>grpc</c> schemes have been replaced.</param>
public sealed record GrpcEndpointOptions(Uri Address)
{
    /// <summary>
    /// Roots and client certificate where the address is https; null: the system's roots and no certificate. Not looked
    /// at with http.
    /// </summary>
    public TlsOptions? Tls { get; init; }

    /// <summary>
    /// Bound of one attempt to connect, the name's look-up and the TLS handshake included; 0 is 30 s.
    /// </summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Silence after which TCP probes the peer, and the time between probes; whole seconds, at least one; 0 is never.
    /// </summary>
    public TimeSpan TcpKeepAlive { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Silence after which an HTTP/2 PING is sent while calls are under way; at least 1 s; 0 is never.
    /// </summary>
    public TimeSpan Http2KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long such a PING may stay unanswered before the connection counts as lost; at least 1 s.</summary>
    public TimeSpan Http2KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>0 is no limit.</summary>
    public int ConcurrencyLimit { get; init; }
}
