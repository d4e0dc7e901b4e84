using System.Collections.Immutable;
using NativeLink.Actors.Configuration.Model;

namespace NativeLink.Actors.Configuration.Reading;

/// <summary>The <c>grpc</c> store (protos/README.md 5.5).</summary>
internal static class GrpcStoreReader
{
    public static GrpcStore Read(ReadContext context, Block body)
    {
        body.Required("store_type");
        var kind = body.Choice("store_type", GrpcStoreKind.Cas, ("cas", GrpcStoreKind.Cas),
            ("ac", GrpcStoreKind.ActionCache));
        var store = new GrpcStore(kind, body.Text("instance_name"), ReadEndpoints(context, body))
        {
            Retry = EndpointReader.ReadRetry(context, body.Child("retry")),
            MaxConcurrentRequests = body.SmallNumber("max_concurrent_requests"),
            ConnectionsPerEndpoint = Math.Max(1, body.SmallNumber("connections_per_endpoint", 1)),
            RpcTimeout = body.Duration("rpc_timeout_s"),
            UseLegacyResourceNames = body.FlagOrNull("use_legacy_resource_names") ?? false,
            Headers = ReadHeaders(context, body),
            RemoteCacheCompression = body.FlagOrNull("experimental_remote_cache_compression"),
        };
        if (body.List("forward_headers").Any())
            context.Note(body.PlaceOf("forward_headers"),
                "a worker has no incoming call whose headers could be forwarded: ignored");
        ReadBatching(context, body);
        return store;
    }

    private static ImmutableArray<EndpointConfig> ReadEndpoints(ReadContext context, Block body)
    {
        if (body.Required("endpoints") is not { } found)
            return [];
        var errors = context.Errors.Count;
        var endpoints = context.Items(found.Value).Select(node => EndpointReader.Read(context, node))
            .OfType<EndpointConfig>().ToImmutableArray();
        if (endpoints.IsEmpty && context.Errors.Count == errors)
            context.Error(found.At, "is empty: write at least one endpoint, { address: \"grpc://host:50051\" }");
        return endpoints;
    }

    private static ImmutableDictionary<string, string> ReadHeaders(ReadContext context, Block body)
    {
        var headers = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var member in body.Map("headers"))
        {
            if (context.Text(member.Value, expand: false) is not { } value)
                continue;
            if (member.Key.Length == 0 || !member.Key.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
                || value.Any(char.IsControl))
                context.Error(
                    member.At,
                    $"'{member.Key}' cannot be sent as a header: names have letters, digits, '-', '_' and '.', " +
                    "values have no control characters");
            else if (member.Key.EndsWith("-bin", StringComparison.OrdinalIgnoreCase))
                context.Error(
                    member.At,
                    $"'{member.Key}' would be a binary header, and those cannot be written in a file: " +
                    "choose a name that does not end with -bin");
            else
                headers[member.Key.ToLowerInvariant()] = value;
        }

        return headers.ToImmutable();
    }

    private static void ReadBatching(ReadContext context, Block body)
    {
        if (body.Child("experimental_read_batching") is not { } block)
            return;
        _ = (block.Size("max_blob_size_bytes"), block.Size("max_batch_bytes"), block.Number("dispatch_slots"),
            block.Size("max_queued_bytes"));
        block.Close("'experimental_read_batching'");
        context.Note(
            block.At, "small blobs are always read in batches up to the message limit here: its settings are ignored");
    }
}
