using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Configuration.Reading;
using NativeLink.Actors.Configuration.Values;

namespace NativeLink.Actors.Configuration.Validation;

/// <summary>What a worker needs from the rest of the file (protos/README.md 4.1).</summary>
internal static class WorkerChecks
{
    public static void Check(ReadContext context, NativeLinkConfig config)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var worker in config.Workers)
        {
            if (worker.Name.Length > 0 && !names.Add(worker.Name))
                context.Error(
                    worker.At, $"a worker named '{worker.Name}' stands above already: give each worker its own name");
            CheckCasStore(context, config, worker);
            CheckResults(context, config, worker.Results);
            WorkDirectoryChecks.Check(context, config, worker);
            CheckNamespaces(context, worker);
            if (worker.ActiveInputLeases)
                context.Note(
                    worker.At,
                    "'experimental_active_input_leases': inputs of running actions are files of their own here, " +
                    "whatever is evicted");
        }
    }

    private static void CheckCasStore(ReadContext context, NativeLinkConfig config, WorkerConfig worker)
    {
        if (worker.CasStore.Length == 0)
            return;
        var names = config.Stores.Select(store => store.Name).ToList();
        if (config.FindStore(worker.CasStore) is not { } named)
        {
            context.Error(
                worker.CasStoreAt,
                $"there is no store named '{worker.CasStore}'{Nearest.Suggest(worker.CasStore, names)}: " +
                $"'stores' has {(names.Count == 0 ? "none" : string.Join(", ", names))}");
            return;
        }

        switch (config.Resolve(named.Store))
        {
            case FastSlowStore pair when config.Resolve(pair.Fast) is not (FilesystemStore or ForeignStore { Type: "" }
                or null):
                context.Error(
                    worker.CasStoreAt,
                    $"the 'fast' side of '{worker.CasStore}' is a '{config.Resolve(pair.Fast)!.Type}' store: " +
                    "a worker needs a 'filesystem' store there, to link inputs from");
                break;
            case FastSlowStore or ForeignStore { Type: "" } or null:
                break;
            case GrpcStore grpc when config.IsFlatForm && grpc.Kind == GrpcStoreKind.ActionCache:
                context.Error(
                    worker.CasStoreAt,
                    $"'{worker.CasStore}' is an action cache (store_type \"ac\"): inputs come from a CAS, " +
                    "write store_type: \"cas\"");
                break;
            case GrpcStore when config.IsFlatForm:
                break;
            case { } other:
                context.Error(
                    worker.CasStoreAt,
                    $"'{worker.CasStore}' is a '{other.Type}' store: " +
                    "a worker needs a 'fast_slow' store with a 'filesystem' as 'fast'");
                break;
        }
    }

    private static void CheckResults(ReadContext context, NativeLinkConfig config, ResultConfig results)
    {
        if (results.AcStrategy != UploadStrategy.Never && results.AcStore is null)
            context.Error(
                results.At,
                "results go to an action cache, but 'upload_action_result.ac_store' names none: name a store, " +
                "or write upload_ac_results_strategy: \"never\"");
        foreach (var (key, name) in ((string, string?)[])[("ac_store", results.AcStore),
            ("historical_results_store", results.HistoricalStore)])
        {
            if (name is not null && config.FindStore(name) is null)
                context.Error(
                    results.At,
                    $"'{key}' names '{name}', " +
                    $"and there is no such store{Nearest.Suggest(name, config.Stores.Select(store => store.Name))}");
        }

        if (results.AcStore is { } cache && config.FindStore(cache) is { } store
            && config.Resolve(store.Store) is GrpcStore { Kind: GrpcStoreKind.Cas })
            context.Error(
                results.At,
                $"'ac_store' names '{cache}', which is a CAS (store_type \"cas\"): write store_type: \"ac\" there, " +
                "or name the action cache's store");
    }

    private static void CheckNamespaces(ReadContext context, WorkerConfig worker)
    {
        if (worker.UseMountNamespace && !worker.UseNamespaces)
            context.Error(
                worker.At, "'use_mount_namespace' needs 'use_namespaces': write use_namespaces: true as well");
    }
}
