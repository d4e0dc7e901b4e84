using System.Collections.Immutable;
using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Configuration.Syntax;
using NativeLink.Actors.Configuration.Values;

namespace NativeLink.Actors.Configuration.Reading;

/// <summary>Schedulers (protos/README.md 5.6).</summary>
internal static class SchedulerReader
{
    private static readonly ImmutableArray<string> Known = ["simple", "grpc", "cache_lookup", "property_modifier",
        "historical_resource"];

    public static ImmutableArray<NamedScheduler> ReadList(ReadContext context, Node node)
    {
        var schedulers = ImmutableArray.CreateBuilder<NamedScheduler>();
        foreach (var item in context.Items(node))
        {
            if (Block.Open(context, item) is not { } block)
                continue;
            var name = block.RequiredText("name", expand: false);
            if (ReadTyped(context, block) is { } scheduler)
                schedulers.Add(new NamedScheduler(name, scheduler) { At = block.At });
        }

        return schedulers.ToImmutable();
    }

    private static SchedulerConfig? ReadTyped(ReadContext context, Block block)
    {
        var types = block.Remaining().ToList();
        if (types.Count == 0)
        {
            context.Error(block.At, "the kind of scheduler is missing: write for example simple: {…}");
            return null;
        }

        foreach (var extra in types.Skip(1))
            context.Error(
                extra.At,
                $"'{extra.Key}' is one kind of scheduler too many, after '{types[0].Key}': " +
                "a scheduler has exactly one");
        var member = types[0];
        if (!Known.Contains(member.Key))
        {
            context.Error(
                member.At,
                $"'{member.Key}' is no kind of scheduler{Nearest.Suggest(member.Key, Known)}: " +
                $"known are {string.Join(", ", Known)}");
            return null;
        }

        if (Block.Open(context, member.Value) is not { } body)
            return null;
        SchedulerConfig? scheduler = member.Key switch
        {
            "simple" => ReadSimple(context, body),
            "grpc" => ReadGrpc(context, body),
            _ => ReadWrapper(context, member.Key, body),
        };
        body.Close($"'{member.Key}'");
        return scheduler is null ? null : scheduler with { At = member.At };
    }

    private static SimpleScheduler ReadSimple(ReadContext context, Block body)
    {
        var properties = ImmutableDictionary.CreateBuilder<string, PropertyMatch>(StringComparer.Ordinal);
        (string, PropertyMatch)[] matches =
            [("minimum", PropertyMatch.Minimum), ("exact", PropertyMatch.Exact), ("priority", PropertyMatch.Priority),
                ("ignore", PropertyMatch.Ignore)];
        foreach (var member in body.Map("supported_platform_properties"))
            properties[member.Key] = Block.Choose(context, member.Value, PropertyMatch.Exact, matches);

        var seconds = TimeSpan.FromSeconds(1);
        var client = body.Duration("client_action_timeout_s");
        _ = (body.Duration("worker_match_logging_interval_s", negativeIsOff: true),
            body.Duration("fallback_match_interval_s", negativeIsOff: true));
        return new SimpleScheduler
        {
            SupportedProperties = properties.ToImmutable(),
            RetainCompletedFor = body.Duration("retain_completed_for_s", 60 * seconds, zeroIsDefault: true),
            ClientActionTimeout = client > TimeSpan.Zero ? client : null,
            WorkerTimeout = body.Duration("worker_timeout_s", 5 * seconds, zeroIsDefault: true),
            MaxActionExecutingTimeout = body.Duration("max_action_executing_timeout_s"),
            UnacknowledgedKillTimeout = body.Duration("unacknowledged_kill_timeout_s", 60 * seconds,
                zeroIsDefault: true),
            MaxJobRetries = body.SmallNumber("max_job_retries") is > 0 and var retries ? retries : 3,
            MostRecentlyUsedFirst = body.Choice("allocation_strategy", false, ("least_recently_used", false),
                ("most_recently_used", true)),
            RedisStore = ReadBackend(context, body),
        };
    }

    private static string? ReadBackend(ReadContext context, Block body)
    {
        if (body.Find("experimental_backend") is not { } backend)
            return null;
        if (backend.Value is ScalarNode)
        {
            body.Choice("experimental_backend", true, ("memory", true));
            return null;
        }

        if (Block.Open(context, backend.Value) is not { } block)
            return null;
        block.Required("redis");
        var store = block.Child("redis") is { } redis ? redis.RequiredText("redis_store", expand: false) : null;
        block.Close("'experimental_backend'");
        return store;
    }

    private static GrpcScheduler? ReadGrpc(ReadContext context, Block body)
    {
        EndpointReader.ReadRetry(context, body.Child("retry"));
        _ = (body.Number("max_concurrent_requests"), body.Number("connections_per_endpoint"));
        return body.Required("endpoint") is { } found && EndpointReader.Read(context, found.Value) is { } endpoint
            ? new GrpcScheduler(endpoint)
            : null;
    }

    private static WrapperScheduler? ReadWrapper(ReadContext context, string type, Block body)
    {
        var store = type == "cache_lookup" ? body.RequiredText("ac_store", expand: false) : null;
        var modifications = type == "property_modifier" ? body.List("modifications").ToList() : [];
        foreach (var item in modifications)
            ReadModification(context, item);

        if (type == "historical_resource")
        {
            body.RequiredText("hints_file");
            _ = (body.Duration("refresh_interval_s"), body.Text("cpu_property_name"),
                body.Text("memory_property_name"));
        }

        if (body.Required("scheduler") is not { } found || Block.Open(context, found.Value) is not { } inner)
            return null;
        return ReadTyped(context, inner) is { } scheduler
            ? new WrapperScheduler(type, scheduler, store) { Modifies = modifications.Count > 0 }
            : null;
    }

    private static void ReadModification(ReadContext context, Node item)
    {
        if (Block.Open(context, item) is not { } block)
            return;
        if (block.Find("add") is { Value: ObjectNode } && block.Child("add") is { } add)
        {
            _ = (add.RequiredText("name", expand: false), add.RequiredText("value", expand: false));
            add.Close("'add'");
        }

        if (block.Find("replace") is { Value: ObjectNode } && block.Child("replace") is { } replace)
        {
            _ = (replace.RequiredText("name", expand: false), replace.TextOrNull("value", expand: false));
            _ = (replace.RequiredText("new_name", expand: false), replace.TextOrNull("new_value", expand: false));
            replace.Close("'replace'");
        }

        block.TextOrNull("remove", expand: false);
        block.Close("a modification");
    }
}
