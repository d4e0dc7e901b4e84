using System.Collections.Immutable;
using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Configuration.Syntax;

namespace NativeLink.Actors.Configuration.Reading;

/// <summary>
/// The top level, in NativeLink's form (protos/README.md
/// 5.2) or in the short form of a single worker.
/// </summary>
internal static class ConfigReader
{
    private static readonly ImmutableArray<string> LongForm = ["stores", "workers", "schedulers", "servers"];

    private static readonly ImmutableArray<string> ShortForm = ["worker_api_endpoint", "cas_stores", "work_directory",
        "platform_properties", "cas_fast_slow_store"];

    public static NativeLinkConfig Read(ReadContext context, Node root)
    {
        if (root is not ObjectNode found)
        {
            context.Error(root.At, $"a configuration is one object in braces, not {root.Described}");
            return new NativeLinkConfig();
        }

        var keys = found.Members.Select(member => member.Key).ToHashSet();
        var block = Block.Open(context, found)!;
        return ShortForm.Any(keys.Contains) && !LongForm.Any(keys.Contains)
            ? ReadShort(context, block)
            : ReadLong(context, block);
    }

    private static NativeLinkConfig ReadLong(ReadContext context, Block block)
    {
        var stores = block.Required("stores");
        if (!block.Has("servers"))
            context.Note(block.At,
                "there is no 'servers': this program does not need it, NativeLink itself wants at least servers: []");
        block.NoteIfWritten("experimental_origin_events", "is known but not supported: ignored");
        var config = new NativeLinkConfig
        {
            Stores = stores is null ? [] : StoreReader.ReadList(context, stores.Value),
            Workers = block.Find("workers") is { } workers ? WorkerReader.ReadList(context, workers.Value) : [],
            Schedulers = block.Find("schedulers") is { } schedulers
                ? SchedulerReader.ReadList(context, schedulers.Value)
                : [],
            Servers = block.Find("servers") is { } servers ? ServerReader.ReadList(context, servers.Value) : [],
            Global = ReadGlobal(context, block.Child("global")),
        };
        block.Close("the configuration");
        return config with { CompressionIsEnabled = EnablesCompression(config) };
    }

    private static NativeLinkConfig ReadShort(ReadContext context, Block block)
    {
        var written = block.Required("cas_stores");
        var stores = written is null ? [] : StoreReader.ReadMap(context, written.Value);
        var config = new NativeLinkConfig
        {
            IsFlatForm = true,
            Stores = stores,
            Global = ReadGlobal(context, block.Child("global")),
        };
        var store = block.Text("cas_fast_slow_store") is { Length: > 0 } named
            ? named
            : OnlyStore(context, written, stores);
        return config with
        {
            Workers = [WorkerReader.Read(context, block, flat: true, store,
                "the short form of a worker's configuration")],
            CompressionIsEnabled = EnablesCompression(config),
        };
    }

    /// <summary>
    /// The store that inputs come from, when the file does not
    /// name it: the only one, or the only <c>fast_slow</c>.
    /// </summary>
    private static string OnlyStore(ReadContext context, Member? written, ImmutableArray<NamedStore> stores)
    {
        if (written is null)
            return "";
        if (stores.Length == 1)
            return stores[0].Name;
        var pairs = stores.Where(store => store.Store is FastSlowStore).ToList();
        if (pairs.Count == 1)
            return pairs[0].Name;
        context.Error(written.At, stores.IsEmpty
            ? "is empty: write the store that inputs come from, such as CAS_MAIN: { grpc: {…} }"
            : $"has {stores.Length} stores, and nothing says which one inputs come from: add cas_fast_slow_store: " +
                $"\"{stores[0].Name}\"");
        return "";
    }

    private static GlobalConfig? ReadGlobal(ReadContext context, Block? block)
    {
        if (block is null)
            return null;
        block.Required("max_open_files");
        var global = new GlobalConfig
        {
            At = block.At,
            MaxOpenFiles = block.Number("max_open_files") is > 0 and var files ? files : 24576,
            DefaultHashFunction = block.Choice("default_digest_hash_function", HashFunction.Sha256,
                ("sha256", HashFunction.Sha256), ("blake3", HashFunction.Blake3)),
            HealthCheckSize = block.Size("default_digest_size_health_check", 1 << 20),
        };
        if (global.DefaultHashFunction == HashFunction.Blake3)
            context.Note(block.PlaceOf("default_digest_hash_function"),
                "concerns servers: a worker takes the function that each action names");
        block.Close("'global'");
        return global;
    }

    private static bool EnablesCompression(NativeLinkConfig config) =>
        config.Servers.Any(server => server.Services.Capabilities.Any(service => service.RemoteCacheCompression))
        || config.Stores.SelectMany(store => WithInner(store.Store)).OfType<GrpcStore>()
            .Any(store => store is { Kind: GrpcStoreKind.Cas, RemoteCacheCompression: true });

    private static IEnumerable<StoreConfig> WithInner(StoreConfig store) =>
        store.Inner.SelectMany(WithInner).Prepend(store);
}
