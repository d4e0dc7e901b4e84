using NativeLink.Actors.Configuration.Model;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>
/// Finds the store that really holds the blobs. What lies around it (<c>verify</c>,
/// <c>existence_cache</c>, <c>compression</c>, …) makes no difference to what is read and written
/// through it: this program verifies always, remembers existence by itself and keeps blobs as they
/// are.
/// </summary>
internal static class StoreGraph
{
    /// <returns>A grpc, filesystem, memory or noop store; null when there is none that can be used,
    /// with an error in <paramref name="findings"/>.</returns>
    /// <param name="at">Where to point when the store itself has no place.</param>
    public static StoreConfig? Terminal(NativeLinkConfig config, StoreConfig store, ConfigPlace at, Findings findings)
    {
        // A configuration that loaded has no circles, but the bound keeps a mistake there from becoming a hang here.
        for (var depth = 0; depth < 64; depth++)
        {
            switch (store)
            {
                case RefStore reference when config.FindStore(reference.Name) is { } named:
                    store = named.Store;
                    break;
                case VerifyStore verify:
                    store = verify.Backend;
                    break;
                case WrapperStore { Type: not "dedup" } wrapper:
                    store = wrapper.Backend;
                    break;
                case FastSlowStore pair:
                    store = config.Resolve(pair.Slow) is NoopStore ? pair.Fast : pair.Slow;
                    break;
                case SizePartitioningStore parts:
                    return OfParts(config, parts, at, findings);
                case GrpcStore or FilesystemStore or MemoryStore or NoopStore:
                    return store;
                default:
                    findings.Error(Place(store, at), Unsupported(store));
                    return null;
            }
        }

        findings.Error(at, "the stores are nested too deeply: at most 64 levels are followed");
        return null;
    }

    private static StoreConfig? OfParts(
        NativeLinkConfig config, SizePartitioningStore parts, ConfigPlace at, Findings findings)
    {
        var lower = Terminal(config, parts.Lower, at, findings);
        var upper = Terminal(config, parts.Upper, at, findings);
        if (lower is null || upper is null)
            return null;
        if (SameStore(lower, upper) || lower is NoopStore)
            return upper;
        if (upper is NoopStore)
            return lower;
        findings.Error(Place(parts, at),
            "'size_partitioning' over two different stores is known but not supported: name one store for all sizes");
        return null;
    }

    /// <summary>Whether both are the same place for blobs.</summary>
    public static bool SameStore(StoreConfig left, StoreConfig right) =>
        ReferenceEquals(left, right) || (left, right) switch
        {
            (FilesystemStore one, FilesystemStore two) => one.ContentPath == two.ContentPath,
            (GrpcStore one, GrpcStore two) => one.Kind == two.Kind && one.InstanceName == two.InstanceName
                && one.Endpoints.Select(endpoint => endpoint.Uri)
                    .SequenceEqual(two.Endpoints.Select(endpoint => endpoint.Uri)),
            _ => false,
        };

    public static ConfigPlace Place(ConfigItem item, ConfigPlace otherwise) => item.At.Line > 0 ? item.At : otherwise;

    private static string Unsupported(StoreConfig store) => store is RefStore reference
        ? $"there is no store named '{reference.Name}'"
        : $"'{store.Type}' is known but not supported where a worker or the local cluster needs a store: " +
            "use grpc to a server that has it, or filesystem";
}
