using System.Collections.Immutable;
using System.Net;
using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Configuration.Syntax;

namespace NativeLink.Actors.Configuration.Reading;

/// <summary>Servers and their listeners (protos/README.md 5.7).</summary>
internal static class ServerReader
{
    public static ImmutableArray<ServerConfig> ReadList(ReadContext context, Node node)
    {
        var servers = ImmutableArray.CreateBuilder<ServerConfig>();
        foreach (var item in context.Items(node))
        {
            if (Block.Open(context, item) is { } block)
                servers.Add(ReadServer(context, block));
        }

        return servers.ToImmutable();
    }

    private static ServerConfig ReadServer(ReadContext context, Block block)
    {
        var server = new ServerConfig
        {
            At = block.At,
            Name = block.Text("name"),
            Address = new IPEndPoint(IPAddress.None, 0),
        };
        if (block.Required("listener") is { } found && Block.Open(context, found.Value) is { } listener)
        {
            if (listener.Required("http") is { } http && Block.Open(context, http.Value) is { } body)
                server = ReadListener(context, body, server);
            listener.Close("'listener'");
        }

        if (block.Child("experimental_identity_header") is { } header)
        {
            _ = header.Text("header_name");
            server = server with { RequiresIdentity = header.Flag("required") };
            header.Close("'experimental_identity_header'");
            context.Note(
                header.At, "'experimental_identity_header' is known but not supported by the local cluster: ignored");
        }

        if (block.Child("services") is { } services)
            server = server with { Services = ServicesReader.Read(context, services) };
        block.Close("'servers[]'");
        return server;
    }

    private static ServerConfig ReadListener(ReadContext context, Block body, ServerConfig server)
    {
        var address = body.RequiredText("socket_address");
        if (!IPEndPoint.TryParse(address, out var endpoint) || !HasPort(address))
        {
            endpoint = new IPEndPoint(IPAddress.None, 0);
            if (address.Length > 0)
                context.Error(body.PlaceOf("socket_address"),
                    $"'{address}' is no address to listen on: write IP and port, such as \"127.0.0.1:50051\"");
        }

        body.Flag("freebind");
        if (body.Child("compression") is { } compression)
        {
            compression.Choice("send_compression_algorithm", 0, ("gzip", 1), ("none", 0));
            foreach (var item in compression.List("accepted_compression_algorithms"))
                context.Text(item, expand: false);
            compression.Close("'compression'");
        }

        if (body.Child("advanced_http") is { } advanced)
        {
            advanced.Skip("http2_keep_alive_interval");
            foreach (var member in advanced.Remaining()
                .Where(member => member.Key.StartsWith("experimental_http2_", StringComparison.Ordinal)).ToList())
                advanced.Skip(member.Key);
            advanced.Close("'advanced_http'");
        }

        server = server with
        {
            Address = endpoint,
            HasTls = ReadTls(body),
            MaxDecodingMessageSize = body.Size("max_decoding_message_size", 4 << 20),
        };
        body.Close("a listener");
        return server;
    }

    /// <summary>
    /// The framework's parser takes an address without a
    /// port too, and an IPv6 address has colons of its own.
    /// </summary>
    private static bool HasPort(string address)
    {
        var colon = address.LastIndexOf(':');
        return colon > 0 && (address[colon - 1] == ']' || address.IndexOf(':') == colon)
            && ushort.TryParse(address.AsSpan(colon + 1), out _);
    }

    private static bool ReadTls(Block listener)
    {
        if (listener.Child("tls") is not { } tls)
            return false;
        _ = (tls.RequiredText("cert_file"), tls.RequiredText("key_file"), tls.TextOrNull("client_ca_file"),
            tls.TextOrNull("client_crl_file"));
        tls.Close("'tls'");
        return true;
    }
}
