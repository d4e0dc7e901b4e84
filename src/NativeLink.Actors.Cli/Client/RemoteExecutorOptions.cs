using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Cli.Client;

/// <summary>
/// Where and how <c>exec</c> finds its executor: REAPI's
/// Execution, CAS and ByteStream behind one address.
/// </summary>
/// <param name="Store">One endpoint, the instance name, and the headers of every call.</param>
internal sealed record RemoteExecutorOptions(GrpcStoreOptions Store)
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(20);

    /// <summary>Of every digest that is sent.</summary>
    public DigestFunction DigestFunction { get; init; } = DigestFunction.Sha256;

    /// <summary>http:// or https://.</summary>
    public Uri Address => Store.Endpoints[0].Address;

    /// <param name="address">http:// or https://, as <see cref="ParseAddress"/> makes it.</param>
    /// <param name="tls">Looked at for https:// alone.</param>
    public static RemoteExecutorOptions Of(Uri address, string instance = "", TlsOptions? tls = null) =>
        new(new GrpcStoreOptions
        {
            InstanceName = instance,
            // REAPI leaves the function out for SHA-256, and there are servers that know no other way.
            UseLegacyResourceNames = true,
            Endpoints = [new GrpcEndpointOptions(address) { Tls = tls, ConnectTimeout = ConnectTimeout }],
            Retry = new RetryOptions(MaxRetries: 4, TimeSpan.FromMilliseconds(100), Jitter: 0.5),
        });

    /// <summary>
    /// Turns <c>grpc://</c>, <c>grpcs://</c>, <c>http(s)://</c> or
    /// a bare <c>host:port</c> into an address for the channel.
    /// </summary>
    /// <exception cref="UsageException">The text is none of these.</exception>
    public static Uri ParseAddress(string text)
    {
        var address = text.Contains("://", StringComparison.Ordinal) ? text : "grpc://" + text;
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Host.Length == 0
            || uri.Port < 0 && uri.Scheme is "grpc" or "grpcs")
            throw new UsageException($"--executor {text}: write grpc://HOST:PORT, or grpcs://HOST:PORT for TLS");
        var scheme = uri.Scheme switch
        {
            "grpc" or "http" => "http",
            "grpcs" or "https" => "https",
            _ => throw new UsageException(
                $"--executor {text}: '{uri.Scheme}' is no scheme for an executor; use grpc:// or grpcs://"),
        };
        return new UriBuilder(scheme, uri.Host, uri.IsDefaultPort ? (scheme == "https" ? 443 : 80) : uri.Port).Uri;
    }
}
