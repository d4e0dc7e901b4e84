using System.Collections.Immutable;
using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Configuration.Syntax;

namespace NativeLink.Actors.Configuration.Reading;

/// <summary>
/// What a listener serves, in today's lists or in the
/// older maps by instance name (protos/README.md 5.7).
/// </summary>
internal static class ServicesReader
{
    private const string OldForm =
        "a map by instance name is the old form: still read, better a list of { instance_name: \"…\", … }";

    public static ServicesConfig Read(ReadContext context, Block block)
    {
        var services = new ServicesConfig
        {
            At = block.At,
            Cas = ReadEach(context, block, "cas", ReadCas),
            ActionCache = ReadEach(context, block, "ac", ReadActionCache),
            ByteStream = ReadByteStream(context, block),
            Capabilities = ReadEach(context, block, "capabilities", ReadCapabilities),
            Execution = ReadEach(context, block, "execution", ReadExecution),
            WorkerApi = ReadWorkerApi(block.Child("worker_api")),
            Others = ReadOthers(context, block),
        };
        block.Close("'services'");
        return services;
    }

    private static ImmutableArray<T> ReadEach<T>(
        ReadContext context, Block services, string key, Func<ReadContext, Block, string, T> read)
    {
        if (services.Find(key) is not { } found)
            return [];
        if (found.Value is ObjectNode)
        {
            context.Note(found.At, OldForm);
            return [.. context.Entries(found.Value)
                .Select(member => ReadOne(context, member.Value, member.Key, key, read)).OfType<T>()];
        }

        return [.. context.Items(found.Value).Select(node => ReadOne(context, node, null, key, read)).OfType<T>()];
    }

    private static T? ReadOne<T>(
        ReadContext context, Node node, string? instance, string key, Func<ReadContext, Block, string, T> read)
    {
        if (Block.Open(context, node) is not { } block)
            return default;
        var service = read(context, block, instance ?? block.Text("instance_name", expand: false));
        block.Close($"'{key}'");
        return service;
    }

    private static StoreServiceConfig ReadCas(ReadContext context, Block block, string instance)
    {
        if (block.Child("experimental_chunking") is { } chunking)
        {
            _ = (chunking.TextOrNull("index_store", expand: false), chunking.Size("avg_chunk_size_bytes"),
                chunking.Number("max_chunk_count"));
            chunking.Close("'experimental_chunking'");
            context.Note(chunking.At,
                "'experimental_chunking' is known but not supported by the local cluster: blobs are kept whole");
        }

        return new StoreServiceConfig(instance, block.RequiredText("cas_store", expand: false)) { At = block.At };
    }

    private static StoreServiceConfig ReadActionCache(ReadContext context, Block block, string instance) =>
        new(instance, block.RequiredText("ac_store", expand: false))
        {
            At = block.At,
            ReadOnly = block.Flag("read_only"),
        };

    private static CapabilitiesServiceConfig ReadCapabilities(ReadContext context, Block block, string instance)
    {
        string? scheduler = null;
        if (block.Child("remote_execution") is { } execution)
        {
            scheduler = execution.RequiredText("scheduler", expand: false);
            execution.Close("'remote_execution'");
        }

        return new CapabilitiesServiceConfig(instance, scheduler,
            block.FlagOrNull("remote_cache_compression") ?? false)
        { At = block.At };
    }

    private static ExecutionServiceConfig ReadExecution(ReadContext context, Block block, string instance) =>
        new(instance, block.RequiredText("cas_store", expand: false), block.RequiredText("scheduler", expand: false))
        {
            At = block.At,
        };

    private static ImmutableArray<StoreServiceConfig> ReadByteStream(ReadContext context, Block services)
    {
        if (services.Find("bytestream") is not { Value: ObjectNode form } found
            || form.Members.All(member => member.Key != "cas_stores"))
            return ReadEach(context, services, "bytestream", ReadStream);
        context.Note(found.At,
            "'cas_stores' is the old form: still read, better a list of { instance_name: \"…\", cas_store: \"…\" }");
        if (Block.Open(context, form) is not { } block)
            return [];
        var persist = ReadStreamSettings(block);
        block.NoteIfWritten("max_decoding_message_size", "is ignored here: it belongs to the listener");
        block.Size("max_decoding_message_size");
        var streams = block.Map("cas_stores")
            .Select(member => (member, store: context.Text(member.Value, expand: false)))
            .Where(pair => pair.store is not null)
            .Select(pair => new StoreServiceConfig(pair.member.Key, pair.store!)
            {
                At = pair.member.At,
                PersistTimeout = persist
            })
            .ToImmutableArray();
        block.Close("'bytestream'");
        return streams;
    }

    private static StoreServiceConfig ReadStream(ReadContext context, Block block, string instance) =>
        new(instance, block.RequiredText("cas_store", expand: false))
        {
            At = block.At,
            PersistTimeout = ReadStreamSettings(block),
        };

    private static TimeSpan ReadStreamSettings(Block block)
    {
        block.Size("max_bytes_per_stream");
        return block.Duration("persist_stream_on_disconnect_timeout_s|persist_stream_on_disconnect_timeout",
            TimeSpan.FromSeconds(60), zeroIsDefault: true);
    }

    private static WorkerApiServiceConfig? ReadWorkerApi(Block? block)
    {
        if (block is null)
            return null;
        var service = new WorkerApiServiceConfig(
            block.RequiredText("scheduler", expand: false),
            !block.Flag("disable_kill_revoked_operations"),
            block.Duration("kill_revoked_operations_interval_s", TimeSpan.FromSeconds(5), zeroIsDefault: true))
        { At = block.At };
        block.Close("'worker_api'");
        return service;
    }

    private static ImmutableArray<string> ReadOthers(ReadContext context, Block services)
    {
        var others = ImmutableArray.CreateBuilder<string>();
        foreach (var (key, read) in ((string, Action<Block>)[])
            [
                ("fetch", block => block.RequiredText("fetch_store", expand: false)),
                ("push", block => { block.RequiredText("push_store", expand: false); block.Flag("read_only"); }),
                ("experimental_bep", block => block.RequiredText("store", expand: false)),
                ("admin", block => block.Text("path")),
                ("health", block => { block.Text("path"); block.Number("timeout_seconds"); }),
            ])
        {
            if (services.Find(key) is not { } found)
                continue;
            others.Add(key);
            context.Note(found.At, $"'{key}' is known but not served by the local cluster: ignored");
            if (key is "fetch" or "push")
                ReadEach(context, services, key, (_, block, _) => { read(block); return key; });
            else if (Block.Open(context, found.Value) is { } block)
                ReadAndClose(block, read, key);
        }

        return others.ToImmutable();
    }

    private static void ReadAndClose(Block block, Action<Block> read, string key)
    {
        read(block);
        block.Close($"'{key}'");
    }
}
