using System.Collections.Immutable;
using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Configuration.Syntax;
using NativeLink.Actors.Configuration.Values;

namespace NativeLink.Actors.Configuration.Reading;

/// <summary>
/// A worker: <c>workers[].local</c> (protos/README.md 5.3), or the whole file in the short form.
/// Both know the keys of both.
/// </summary>
internal static class WorkerReader
{
    private static readonly (string, UploadStrategy)[] Strategies =
    [
        ("success_only", UploadStrategy.SuccessOnly), ("never", UploadStrategy.Never),
        ("everything", UploadStrategy.Everything), ("failures_only", UploadStrategy.FailuresOnly),
    ];

    public static ImmutableArray<WorkerConfig> ReadList(ReadContext context, Node node)
    {
        var workers = ImmutableArray.CreateBuilder<WorkerConfig>();
        foreach (var item in context.Items(node))
        {
            if (Block.Open(context, item) is not { } entry)
                continue;
            if (entry.Required("local") is { } local && Block.Open(context, local.Value) is { } block)
                workers.Add(
                    Read(context, block, flat: false, block.RequiredText("cas_fast_slow_store"), "'workers[].local'"));
            entry.Close("'workers[]'");
        }

        return workers.ToImmutable();
    }

    /// <summary>Reads the worker's keys from the block and closes it.</summary>
    /// <param name="flat">The short form: <c>platform_properties</c> may be missing, and nothing
    /// goes to an action cache unless the file says so.</param>
    public static WorkerConfig Read(ReadContext context, Block block, bool flat, string casStore, string what)
    {
        if (!flat)
            NoteShortNames(block);
        if (!flat)
            block.Required("platform_properties");
        var (endpoint, timeout) = block.Required("worker_api_endpoint") is { } written
            ? EndpointReader.ReadWorkerApi(context, written.Value)
            : (new EndpointConfig(new Uri("http://unusable.invalid")), TimeSpan.FromSeconds(5));
        var seconds = TimeSpan.FromSeconds(1);
        var worker = new WorkerConfig
        {
            At = block.At,
            Name = block.Text("name"),
            Endpoint = endpoint,
            EndpointTimeout = timeout,
            WorkDirectory = block.RequiredDirectory("work_directory"),
            WorkDirectoryAt = block.PlaceOf("work_directory"),
            CasStore = casStore,
            CasStoreAt = flat && !block.Has("cas_fast_slow_store")
                ? block.PlaceOf("cas_stores")
                : block.PlaceOf("cas_fast_slow_store"),
            MaxInflightTasks = block.SmallNumber("max_inflight_tasks"),
            MaxActionTimeout = block.Duration("max_action_timeout_s|max_action_timeout|timeout", 1200 * seconds,
                zeroIsDefault: true),
            MaxUploadTimeout = block.Duration("max_upload_timeout_s|max_upload_timeout|upload_timeout", 600 * seconds,
                zeroIsDefault: true),
            MaxCleanupWait = block.Duration("max_cleanup_wait_s", 30 * seconds, zeroIsDefault: true),
            MaxCleanupBackoff = block.Duration("max_cleanup_backoff_ms", 0.5 * seconds, zeroIsDefault: true,
                scale: 0.001 * seconds),
            TimeoutHandledExternally = block.Flag("timeout_handled_externally"),
            Entrypoint = block.Text("entrypoint"),
            PreconditionScript = block.TextOrNull("experimental_precondition_script|precondition_script",
                expand: false) is { Length: > 0 } script ? script : null,
            PlatformProperties = ReadProperties(context, block),
            AdditionalEnvironment = ReadEnvironment(context, block),
            Results = ReadResults(block, flat),
            DirectoryCache = ReadDirectoryCache(block),
            ActiveInputLeases = block.Flag("experimental_active_input_leases"),
            UseNamespaces = block.Flag("use_namespaces"),
            UseMountNamespace = block.Flag("use_mount_namespace"),
        };
        block.NoteIfWritten("max_cleanup_backoff_ms",
            "has no effect: an ended action's directory is renamed away at once, so nothing is asked again and again");
        block.Close(what);
        return worker;
    }

    private static void NoteShortNames(Block block)
    {
        foreach (var (key, official) in ((string, string)[])[("timeout", "max_action_timeout_s"),
            ("upload_timeout", "max_upload_timeout_s"), ("precondition_script", "experimental_precondition_script")])
            block.NoteIfWritten(key, $"is read as '{official}', the name that NativeLink itself knows here");
    }

    private static ImmutableArray<PropertyConfig> ReadProperties(ReadContext context, Block block)
    {
        var properties = ImmutableArray.CreateBuilder<PropertyConfig>();
        foreach (var member in block.Map("platform_properties"))
        {
            if (member.Value is ScalarNode { Value: string })
            {
                if (context.Text(member.Value) is { } single)
                    properties.Add(new PropertyConfig(member.Key, [single], null));
            }
            else if (member.Value is not ObjectNode)
            {
                context.Error(
                    member.Value.At,
                    $"{member.Value.Described} is not understood: write {{ values: [\"…\"] }}, {{ query_cmd: " +
                    $"\"…\" }} or a string in quotes");
            }
            else if (Block.Open(context, member.Value) is { } property)
            {
                properties.Add(ReadProperty(context, member.Key, property));
            }
        }

        return properties.ToImmutable();
    }

    private static PropertyConfig ReadProperty(ReadContext context, string name, Block block)
    {
        if (block.Has("values") == block.Has("query_cmd"))
            context.Error(block.At,
                "a property has either { values: [\"…\"] } or { query_cmd: \"…\" }: write exactly one of them");
        var values = block.List("values").Select(node => context.Text(node)).OfType<string>().ToImmutableArray();
        var command = block.TextOrNull("query_cmd", expand: false);
        if (command is not null && string.IsNullOrWhiteSpace(command))
            context.Error(block.PlaceOf("query_cmd"), "is empty: write the command whose lines are the values");
        block.Close("a platform property");
        return new PropertyConfig(name, values, command);
    }

    private static ImmutableArray<EnvironmentConfig> ReadEnvironment(ReadContext context, Block block)
    {
        var entries = ImmutableArray.CreateBuilder<EnvironmentConfig>();
        foreach (var member in block.Map("additional_environment"))
        {
            if (member.Key.Length == 0 || member.Key.Contains('=') || member.Key.Contains('\0'))
                context.Error(member.At, "is no name of an environment variable: it cannot be empty or have '=' in it");
            else if (ReadSource(context, member) is { } entry)
                entries.Add(entry);
        }

        return entries.ToImmutable();
    }

    private static EnvironmentConfig? ReadSource(ReadContext context, Member member)
    {
        const string Expected = "write \"from_environment\", \"timeout_millis\", \"side_channel_file\", " +
            "\"action_directory\", { property: \"…\" } or { value: \"…\" }";
        if (member.Value is ScalarNode { Value: string word })
        {
            EnvironmentKind? kind = word switch
            {
                "from_environment" => EnvironmentKind.FromEnvironment,
                "timeout_millis" => EnvironmentKind.TimeoutMillis,
                "side_channel_file" => EnvironmentKind.SideChannelFile,
                "action_directory" => EnvironmentKind.ActionDirectory,
                _ => null,
            };
            if (kind is null)
            {
                var near = Nearest.Suggest(
                    word, ["from_environment", "timeout_millis", "side_channel_file", "action_directory"]);
                context.Error(member.Value.At, $"'{word}' is no source of a value{near}: {Expected}");
            }
            return kind is null ? null : new EnvironmentConfig(member.Key, kind.Value, "");
        }

        if (member.Value is not ObjectNode || Block.Open(context, member.Value) is not { } block)
        {
            context.Error(member.Value.At, $"{member.Value.Described} is not understood: {Expected}");
            return null;
        }

        var (property, value) = (block.TextOrNull("property", expand: false), block.TextOrNull("value"));
        if (block.Has("property") == block.Has("value"))
            context.Error(block.At, $"a source has exactly one key: {Expected}");
        if (value?.Contains('\0') == true)
            context.Error(
                block.PlaceOf("value"), "a value of an environment variable cannot hold a NUL character: remove it");
        block.Close("a source of 'additional_environment'");
        return property is not null
            ? new EnvironmentConfig(member.Key, EnvironmentKind.Property, property)
            : new EnvironmentConfig(member.Key, EnvironmentKind.Value, value ?? "");
    }

    private static ResultConfig ReadResults(Block parent, bool flat)
    {
        if (parent.Child("upload_action_result") is not { } block)
            return new ResultConfig
            {
                At = parent.At,
                AcStrategy = flat ? UploadStrategy.Never : UploadStrategy.SuccessOnly,
            };
        var results = new ResultConfig
        {
            At = block.At,
            AcStore = block.TextOrNull("ac_store", expand: false),
            AcStrategy = block.Choice("upload_ac_results_strategy", flat && !block.Has("ac_store")
                ? UploadStrategy.Never
                : UploadStrategy.SuccessOnly, Strategies),
            HistoricalStore = block.TextOrNull("historical_results_store", expand: false),
            HistoricalStrategy = block.Choice("upload_historical_results_strategy", UploadStrategy.FailuresOnly,
                Strategies),
            SuccessMessageTemplate = block.Text("success_message_template"),
            FailureMessageTemplate = block.Text("failure_message_template"),
        };
        block.Close("'upload_action_result'");
        return results;
    }

    private static DirectoryCacheConfig? ReadDirectoryCache(Block parent)
    {
        if (parent.Child("directory_cache") is not { } block)
            return null;
        var cache = new DirectoryCacheConfig
        {
            At = block.At,
            MaxEntries = Math.Max(1, block.SmallNumber("max_entries", 1000)),
            MaxSizeBytes = block.Size("max_size_bytes", 10L << 30),
            CacheRoot = block.DirectoryOrNull("cache_root"),
            SubtreeCaching = block.Flag("experimental_subtree_caching"),
            MaxConcurrentFetches = block.SmallNumber("max_concurrent_fetches", 64, least: 1),
            GetTreePrefetch = block.Flag("experimental_get_tree_prefetch"),
        };
        block.NoteIfWritten("experimental_subtree_caching",
            "has no effect: a tree that differs in little from a cached one is always built over it, " +
            "directory by directory");
        block.NoteIfWritten("max_concurrent_fetches",
            "has no effect: what an input root lacks is always fetched in batches, eight at a time, " +
            "and large blobs in streams beside them");
        block.NoteIfWritten("experimental_get_tree_prefetch",
            "has no effect: directories that are not known are always asked for together, a level or a tree at a time");
        block.Close("'directory_cache'");
        return cache;
    }
}
