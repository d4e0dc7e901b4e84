using System.Collections.Immutable;
using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Configuration.Syntax;
using NativeLink.Actors.Configuration.Values;

namespace NativeLink.Actors.Configuration.Reading;

/// <summary>Addresses, TLS and retries (protos/README.md 5.3, 5.5, 2.9).</summary>
internal static class EndpointReader
{
    /// <summary>gRPC codes as <c>retry_on_errors</c> names them.</summary>
    public static readonly ImmutableArray<string> CodeNames =
    [
        "Cancelled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss",
        "Unauthenticated",
    ];

    private static readonly Uri Unusable = new("http://unusable.invalid");

    /// <summary>The worker API's endpoint: <c>uri</c>, or <c>address</c> as the short form writes it.</summary>
    public static (EndpointConfig Endpoint, TimeSpan Timeout) ReadWorkerApi(ReadContext context, Node node)
    {
        if (Block.Open(context, node) is not { } block)
            return (new EndpointConfig(Unusable), TimeSpan.FromSeconds(5));
        var address = block.RequiredTextOrNull("uri|address");
        var timeout = TimeSpan.FromSeconds(block.Fraction("timeout", 5));
        var tls = ReadTls(context, block);
        var uri = ReadUri(context, block, "uri|address", address, tls is not null);
        block.Close("an endpoint");
        return (new EndpointConfig(uri) { At = block.At, Tls = tls }, timeout > TimeSpan.Zero
            ? timeout
            : TimeSpan.FromSeconds(5));
    }

    /// <summary>An endpoint of a <c>grpc</c> store or scheduler; null after an error.</summary>
    public static EndpointConfig? Read(ReadContext context, Node node)
    {
        if (Block.Open(context, node) is not { } block)
            return null;
        var address = block.RequiredTextOrNull("address|uri");
        var tls = ReadTls(context, block);
        var seconds = TimeSpan.FromSeconds(1);
        var endpoint = new EndpointConfig(ReadUri(context, block, "address|uri", address, tls is not null))
        {
            At = block.At,
            Tls = tls,
            ConcurrencyLimit = block.SmallNumber("concurrency_limit"),
            ConnectTimeout = block.Duration("connect_timeout_s", 30 * seconds, zeroIsDefault: true),
            TcpKeepAlive = block.Duration("tcp_keepalive_s", 30 * seconds, zeroIsDefault: true),
            Http2KeepAliveInterval = block.Duration("http2_keepalive_interval_s", 30 * seconds, zeroIsDefault: true),
            Http2KeepAliveTimeout = block.Duration("http2_keepalive_timeout_s", 20 * seconds, zeroIsDefault: true),
        };
        block.Close("an endpoint");
        return endpoint;
    }

    public static RetryConfig ReadRetry(ReadContext context, Block? block)
    {
        if (block is null)
            return new RetryConfig();
        var codes = ImmutableArray.CreateBuilder<string>();
        foreach (var node in block.List("retry_on_errors"))
        {
            if (context.Text(node, expand: false) is not { } code)
                continue;
            if (CodeNames.Contains(code))
                codes.Add(code);
            else
                context.Error(
                    node.At,
                    $"'{code}' is no gRPC code{Nearest.Suggest(code, CodeNames)}: " +
                    $"write one of {string.Join(", ", CodeNames)}");
        }

        var retry = new RetryConfig(block.SmallNumber("max_retries"), TimeSpan.FromSeconds(block.Fraction("delay", 0)),
            block.Fraction("jitter", 0))
        { RetryOn = codes.ToImmutable() };
        block.Close("'retry'");
        return retry;
    }

    private static TlsConfig? ReadTls(ReadContext context, Block endpoint)
    {
        if (endpoint.Child("tls_config") is not { } block)
            return null;
        var tls = new TlsConfig(block.TextOrNull("ca_file"), block.TextOrNull("cert_file"),
            block.TextOrNull("key_file"), block.Flag("use_native_roots"));
        if (tls.CertFile is null != tls.KeyFile is null)
            context.Error(block.At, "'cert_file' and 'key_file' belong together: write both, or neither");
        foreach (var member in block.Remaining())
            context.Note(member.At, $"'{member.Key}' is not a key of 'tls_config': ignored, as NativeLink does");
        return tls;
    }

    private static Uri ReadUri(ReadContext context, Block block, string key, string? address, bool hasTls)
    {
        if (address is null)
            return Unusable;
        var at = block.PlaceOf(key);
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Host.Length == 0)
        {
            context.Error(at, $"'{address}' is no address: write it as \"grpc://host:50061\"");
            return Unusable;
        }

        if (uri.Scheme is not ("grpc" or "grpcs" or "http" or "https"))
        {
            context.Error(
                at,
                $"the scheme '{uri.Scheme}' is not " +
                $"known{Nearest.Suggest(uri.Scheme, ["grpc", "grpcs", "http", "https"])}: " +
                "write grpc:// or http:// for plain connections, grpcs:// or https:// for TLS");
            return Unusable;
        }

        var wantsTls = uri.Scheme is "grpcs" or "https";
        if (wantsTls && !hasTls)
            context.Error(
                at,
                $"'{uri.Scheme}' means TLS, so 'tls_config' has to stand beside it: write tls_config: " +
                $"{{ use_native_roots: true }} or name a ca_file");
        if (!wantsTls && hasTls)
            context.Error(
                at,
                $"'tls_config' stands beside an address without TLS: " +
                $"write {(uri.Scheme == "grpc" ? "grpcs" : "https")}:// or remove tls_config");
        return uri;
    }
}
