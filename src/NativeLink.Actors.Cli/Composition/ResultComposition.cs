using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>From <c>upload_action_result</c> to where results go (protos/README.md 4.8).</summary>
internal sealed class ResultComposition(NativeLinkConfig config, ClusterPlan? cluster, Findings findings)
{
    /// <returns>The options, and whether results go to the action cache of the cluster in this process.</returns>
    public (UploadResultOptions Options, bool ClusterCache) Compose(WorkerConfig worker, ComposedStores stores)
    {
        var results = worker.Results;
        var (cache, cacheStrategy, clusterCache) = ActionCache(results);
        var (history, historyStrategy) = History(results, stores);
        return (new UploadResultOptions
        {
            ActionCacheStrategy = cacheStrategy,
            ActionCache = cache,
            HistoricalStrategy = historyStrategy,
            HistoricalStore = history,
            SuccessMessageTemplate = results.SuccessMessageTemplate,
            FailureMessageTemplate = results.FailureMessageTemplate,
        }, clusterCache);
    }

    private (GrpcStoreOptions? Store, ResultStrategy Strategy, bool InCluster) ActionCache(ResultConfig results)
    {
        var strategy = Endpoints.Strategy(results.AcStrategy);
        if (strategy == ResultStrategy.Never || results.AcStore is null
            || config.FindStore(results.AcStore) is not { } named)
            return (null, ResultStrategy.Never, false);
        if (StoreGraph.Terminal(config, named.Store, results.At, findings) is not { } store)
            return (null, ResultStrategy.Never, false);
        if (cluster is not null && (cluster.ActionCache is null || StoreGraph.SameStore(cluster.ActionCache, store)))
            return (null, strategy, true);
        switch (store)
        {
            case GrpcStore { Kind: GrpcStoreKind.ActionCache } grpc:
                return (Endpoints.Store(config, grpc), strategy, false);
            case GrpcStore:
                findings.Error(results.At,
                    $"'ac_store' leads to a CAS (store_type \"cas\"): write store_type: \"ac\" in '{results.AcStore}'");
                break;
            case NoopStore:
                break;
            default:
                findings.Note(results.At, cluster is null
                    ? $"the action cache '{results.AcStore}' is a '{store.Type}' store of another process: " +
                        "no results are written to it; 'local --config' serves it, a 'grpc' store reaches it elsewhere"
                    : $"the action cache '{results.AcStore}' is not the one that 'servers' serve: " +
                        "no results are written to it");
                break;
        }

        return (null, ResultStrategy.Never, false);
    }

    private (GrpcStoreOptions? Store, ResultStrategy Strategy) History(ResultConfig results, ComposedStores stores)
    {
        var strategy = Endpoints.Strategy(results.HistoricalStrategy);
        if (strategy == ResultStrategy.Never || results.HistoricalStore is null
            || config.FindStore(results.HistoricalStore) is not { } named)
            return (null, strategy);
        if (StoreGraph.Terminal(config, named.Store, results.At, findings) is not { } store)
            return (null, ResultStrategy.Never);
        if (StoreGraph.SameStore(store, stores.Slow)
            || (stores.UsesClusterCas && cluster?.Cas is { } cas && StoreGraph.SameStore(store, cas)))
            return (null, strategy);
        switch (store)
        {
            case GrpcStore { Kind: GrpcStoreKind.Cas } grpc:
                return (Endpoints.Store(config, grpc), strategy);
            case GrpcStore:
                findings.Error(
                    results.At,
                    $"'historical_results_store' leads to an action cache (store_type \"ac\"): " +
                    $"name a CAS instead of '{results.HistoricalStore}'");
                break;
            case NoopStore:
                break;
            default:
                findings.Note(
                    results.At,
                    $"'{results.HistoricalStore}' is a '{store.Type}' store beside the CAS, " +
                    "which is known but not supported for historical results: they are not kept; " +
                    "leave 'historical_results_store' out to keep them in the CAS");
                break;
        }

        return (null, ResultStrategy.Never);
    }
}
