using System.Collections.Immutable;
using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Configuration.Syntax;
using NativeLink.Actors.Configuration.Values;

namespace NativeLink.Actors.Configuration.Reading;

/// <summary>Stores (protos/README.md 5.4 and 5.5).</summary>
internal static class StoreReader
{
    private static readonly ImmutableArray<string> Foreign =
        ["redis_store", "experimental_mongo", "experimental_cloud_object_store", "ontap_s3_existence_cache"];

    private static readonly ImmutableArray<string> Known =
    [
        "filesystem", "memory", "fast_slow", "ref_store", "grpc", "noop", "verify", "existence_cache",
        "size_partitioning", "completeness_checking",
        "compression", "dedup", "shard", "cache_metrics", .. Foreign,
    ];

    /// <summary>The list of <c>{name, type: {…}}</c>.</summary>
    public static ImmutableArray<NamedStore> ReadList(ReadContext context, Node node)
    {
        var stores = ImmutableArray.CreateBuilder<NamedStore>();
        foreach (var item in context.Items(node))
        {
            if (Block.Open(context, item) is not { } block)
                continue;
            var name = block.RequiredText("name", expand: false);
            stores.Add(new NamedStore(name, ReadTyped(context, block) ?? ForeignStore.Unreadable) { At = block.At });
        }

        return stores.ToImmutable();
    }

    /// <summary>The short form's map of names to stores, or a list as the long form has it.</summary>
    public static ImmutableArray<NamedStore> ReadMap(ReadContext context, Node node) => node is ArrayNode
        ? ReadList(context, node)
        : [.. context.Entries(node).Select(member => new NamedStore(
            member.Key, Read(context, member.Value) ?? ForeignStore.Unreadable) { At = member.At })];

    /// <summary>A store written as <c>{type: {…}}</c>; null after an error.</summary>
    public static StoreConfig? Read(ReadContext context, Node node) =>
        Block.Open(context, node) is { } block ? ReadTyped(context, block) : null;

    /// <summary>
    /// A store inside another; a mistake in it leaves
    /// <see cref="ForeignStore.Unreadable"/>, so that reading can go on.
    /// </summary>
    private static StoreConfig Nested(ReadContext context, Block parent, string key) =>
        parent.Required(key) is { } found && Read(context, found.Value) is { } store ? store : ForeignStore.Unreadable;

    private static StoreConfig? ReadTyped(ReadContext context, Block block)
    {
        var types = block.Remaining().ToList();
        if (types.Count == 0)
        {
            context.Error(block.At, "the kind of store is missing: write for example filesystem: {…} or grpc: {…}");
            return null;
        }

        foreach (var extra in types.Skip(1))
            context.Error(extra.At,
                $"'{extra.Key}' is one kind of store too many, after '{types[0].Key}': a store has exactly one");
        var (type, member) = (types[0].Key, types[0]);
        if (!Known.Contains(type))
        {
            context.Error(member.At,
                $"'{type}' is no kind of store{Nearest.Suggest(type, Known)}: known are {string.Join(", ", Known)}");
            return null;
        }

        if (Foreign.Contains(type))
        {
            context.Note(member.At, $"'{type}' is known but not supported by this worker: ignored");
            return new ForeignStore(type) { At = member.At };
        }

        return Block.Open(context, member.Value) is { } body ? ReadBody(context, type, body, member.At) : null;
    }

    private static StoreConfig ReadBody(ReadContext context, string type, Block body, ConfigPlace at)
    {
        StoreConfig store = type switch
        {
            "filesystem" => ReadFilesystem(context, body),
            "memory" => new MemoryStore(ReadEviction(context, body)),
            "fast_slow" => ReadFastSlow(context, body),
            "ref_store" => new RefStore(body.RequiredText("name")),
            "grpc" => GrpcStoreReader.Read(context, body),
            "noop" => new NoopStore(),
            "verify" => new VerifyStore(Nested(context, body, "backend"), body.FlagOrNull("verify_size") ?? false,
                body.FlagOrNull("verify_hash") ?? false),
            "size_partitioning" => new SizePartitioningStore(
                ReadPartitionSize(body), Nested(context, body, "lower_store"), Nested(context, body, "upper_store")),
            "shard" => ReadShard(context, body),
            _ => ReadWrapper(context, type, body),
        };
        body.Close($"'{type}'");
        return store with { At = at };
    }

    private static FilesystemStore ReadFilesystem(ReadContext context, Block body)
    {
        var store = new FilesystemStore(body.RequiredDirectory("content_path"), body.RequiredDirectory("temp_path"))
        {
            Eviction = ReadEviction(context, body),
            BlockSize = body.Size("block_size") is > 0 and var size ? size : 4096,
            EvictPageCache = body.Flag("evict_page_cache"),
        };
        _ = (body.Size("read_buffer_size"), body.Number("max_concurrent_writes"));
        if (store.ContentPath.Length > 1 && store.ContentPath == store.TempPath)
            context.Error(
                body.PlaceOf(
                    "temp_path"),
                    "is the same as 'content_path': files being written need a directory of their own, " +
                    "on the same file system");
        return store;
    }

    private static FastSlowStore ReadFastSlow(ReadContext context, Block body)
    {
        (string, StoreDirection)[] directions =
            [("both", StoreDirection.Both), ("update", StoreDirection.Update), ("get", StoreDirection.Get),
                ("read_only", StoreDirection.ReadOnly)];
        if (body.Size("bypass_dedup_threshold_bytes") > 0)
            context.Note(body.PlaceOf("bypass_dedup_threshold_bytes"),
                "has no effect: every input passes through the local store, " +
                "and whoever wants the same blob shares one download");
        return new FastSlowStore(Nested(context, body, "fast"), Nested(context, body, "slow"))
        {
            FastDirection = body.Choice("fast_direction", StoreDirection.Both, directions),
            SlowDirection = body.Choice("slow_direction", StoreDirection.Both, directions),
        };
    }

    private static long ReadPartitionSize(Block body)
    {
        body.Required("size");
        return body.Size("size");
    }

    private static ShardStore ReadShard(ReadContext context, Block body)
    {
        var shards = ImmutableArray.CreateBuilder<StoreConfig>();
        body.Required("stores");
        foreach (var item in body.List("stores"))
        {
            if (Block.Open(context, item) is not { } shard)
                continue;
            shards.Add(Nested(context, shard, "store"));
            shard.Number("weight", 1);
            shard.Close("a shard");
        }

        return new ShardStore(shards.ToImmutable());
    }

    private static WrapperStore ReadWrapper(ReadContext context, string type, Block body)
    {
        switch (type)
        {
            case "completeness_checking":
                return new WrapperStore(type, Nested(context, body, "backend"), Nested(context, body, "cas_store"));
            case "dedup":
                _ = (body.Size("min_size"), body.Size("normal_size"), body.Size("max_size"),
                    body.Number("max_concurrent_fetch_per_get"));
                return new WrapperStore(type, Nested(context, body, "content_store"),
                    Nested(context, body, "index_store"));
            case "compression":
                ReadCompressionAlgorithm(body);
                break;
            case "existence_cache":
                ReadEviction(context, body);
                break;
            default:
                body.Text("cache_type");
                break;
        }

        return new WrapperStore(type, Nested(context, body, "backend"));
    }

    private static void ReadCompressionAlgorithm(Block body)
    {
        body.Required("compression_algorithm");
        if (body.Child("compression_algorithm") is not { } algorithm)
            return;
        algorithm.Required("lz4");
        if (algorithm.Child("lz4") is { } lz4)
        {
            _ = (lz4.Size("block_size"), lz4.Size("max_decode_block_size"));
            lz4.Close("'lz4'");
        }

        algorithm.Close("'compression_algorithm'");
    }

    private static EvictionPolicy ReadEviction(ReadContext context, Block body)
    {
        if (body.Child("eviction_policy") is not { } block)
            return EvictionPolicy.None;
        var policy = new EvictionPolicy(block.Size("max_bytes"), block.Size("evict_bytes"),
            block.Duration("max_seconds"), block.Number("max_count"));
        if (policy.MaxBytes > 0 && policy.EvictBytes >= policy.MaxBytes)
            context.Error(block.PlaceOf("evict_bytes"),
                "'evict_bytes' is not less than 'max_bytes': each eviction would empty the store");
        block.Close("'eviction_policy'");
        return policy;
    }
}
