using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>Where a worker's blobs are.</summary>
/// <param name="Slow">The store behind the local one, as the
/// file writes it; null in the short form without one.</param>
internal sealed record ComposedStores(
    CasOptions Cas, ContentStoreOptions Local, bool FillOnWrite, bool UsesClusterCas, StoreConfig Slow);

/// <summary>From <c>cas_fast_slow_store</c> to the local store and the CAS (protos/README.md 5.4).</summary>
internal sealed class StoreComposition(NativeLinkConfig config, ClusterPlan? cluster, Findings findings)
{
    /// <summary>
    /// In the short form without <c>fast_slow</c> nothing limits the local store, so it gets a
    /// limit that a build machine has room for.
    /// </summary>
    private const long DefaultMaxBytes = 20_000_000_000;

    /// <returns>Null after an error.</returns>
    public ComposedStores? Compose(WorkerConfig worker)
    {
        var named = config.FindStore(worker.CasStore);
        return config.Resolve(named?.Store) switch
        {
            FastSlowStore pair => OfPair(worker, pair),
            GrpcStore grpc => OfGrpc(worker, grpc),
            _ =>
                Refuse(
                    worker.CasStoreAt,
                    $"'{worker.CasStore}' is no store that a worker can use: " +
                    "it has to be a 'fast_slow' store with a 'filesystem' as 'fast'"),
        };
    }

    private ComposedStores? OfGrpc(WorkerConfig worker, GrpcStore grpc)
    {
        var beside = worker.WorkDirectory + "-store";
        findings.Note(worker.CasStoreAt,
            $"the local store is {beside}, with at most 20 GB: name another place or limit with a 'fast_slow' store");
        var local = new ContentStoreOptions(Path.Combine(beside, "content"), Path.Combine(beside, "temp"))
        {
            MaxBytes = DefaultMaxBytes,
        };
        return OfFar(worker, grpc, local, fillOnWrite: true);
    }

    private ComposedStores? OfPair(WorkerConfig worker, FastSlowStore pair)
    {
        if (config.Resolve(pair.Fast) is not FilesystemStore fast)
            return Refuse(worker.CasStoreAt,
                $"the 'fast' side of '{worker.CasStore}' is no 'filesystem' store: a worker links inputs from there");
        if (pair.SlowDirection is StoreDirection.Get or StoreDirection.ReadOnly)
            return Refuse(StoreGraph.Place(pair, worker.CasStoreAt),
                "'slow_direction' keeps outputs from being uploaded, so no client could fetch them: not supported, " +
                "write \"both\" or \"update\"");
        if (pair.SlowDirection == StoreDirection.Update)
            findings.Note(StoreGraph.Place(pair, worker.CasStoreAt),
                "'slow_direction: \"update\"' is read as \"both\": inputs that are not here are fetched from the " +
                "slow store");
        if (StoreGraph.Terminal(config, pair.Slow, worker.CasStoreAt, findings) is not { } far)
            return null;
        if (pair.FastDirection is StoreDirection.Update or StoreDirection.ReadOnly)
            findings.Note(StoreGraph.Place(pair, worker.CasStoreAt),
                "'fast_direction' has no effect on reads: inputs are made of the fast store's files, " +
                "so what is fetched is kept there");
        var write = pair.FastDirection is StoreDirection.Both or StoreDirection.Update;
        return OfFar(worker, far is NoopStore ? fast : far, Endpoints.LocalStore(fast), write);
    }

    private ComposedStores? OfFar(WorkerConfig worker, StoreConfig far, ContentStoreOptions local, bool fillOnWrite)
    {
        if (cluster is not null)
            return InCluster(worker, far, local, fillOnWrite);
        switch (far)
        {
            case GrpcStore { Kind: GrpcStoreKind.ActionCache } grpc:
                return Refuse(StoreGraph.Place(grpc, worker.CasStoreAt),
                    "this is an action cache (store_type \"ac\"), and a worker's inputs come from here: " +
                    "write store_type: \"cas\"");
            case GrpcStore grpc:
                return new ComposedStores(new CasOptions
                {
                    Grpc = Endpoints.Store(config, grpc),
                }, local, fillOnWrite, false, far);
            case FilesystemStore directory:
                findings.Note(StoreGraph.Place(directory, worker.CasStoreAt),
                    $"{directory.ContentPath} is the CAS itself: blobs go nowhere else, " +
                    "so the scheduler's clients have to read from there too");
                return new ComposedStores(new CasOptions
                {
                    LocalStoreOnly = true,
                }, Endpoints.LocalStore(directory), true, false, far);
            default:
                findings.Note(StoreGraph.Place(far, worker.CasStoreAt),
                    $"a 'memory' store is no other process's: {local.ContentPath} is used as the CAS itself, " +
                    "and blobs go nowhere else");
                return new ComposedStores(new CasOptions { LocalStoreOnly = true }, local, true, false, far);
        }
    }

    /// <summary>
    /// With the cluster in this process its store is used directly: nothing has to travel, and a
    /// second copy on the same disk has no use.
    /// </summary>
    private ComposedStores? InCluster(WorkerConfig worker, StoreConfig far, ContentStoreOptions local, bool fillOnWrite)
    {
        var serves = cluster!.Cas is { } served && StoreGraph.SameStore(served, far);
        var dials = far is GrpcStore { Kind: GrpcStoreKind.Cas } grpc && grpc.Endpoints.Any(DialsThisCluster);
        if (serves || dials || cluster.Cas is null)
        {
            var options = cluster.Options?.Cas ?? local;
            if (options.ContentPath != local.ContentPath)
                findings.Note(
                    worker.CasStoreAt,
                    $"the CAS of this process, {options.ContentPath}, is used directly: " +
                    $"{local.ContentPath} is not needed");
            return new ComposedStores(new CasOptions { LocalStoreOnly = true }, options, fillOnWrite, true, far);
        }

        if (far is GrpcStore { Kind: GrpcStoreKind.Cas } elsewhere)
            return Refuse(
                worker.CasStoreAt,
                $"'{worker.CasStore}' leads to {elsewhere.Endpoints[0].Uri}, " +
                "but the CAS served in this process is another one: inputs that clients upload would not be found");
        return Refuse(
            worker.CasStoreAt,
            $"'{worker.CasStore}' does not lead to the CAS that 'servers' serve: " +
            "inputs that clients upload would not be found; use the same store, or ref_store to it");
    }

    private bool DialsThisCluster(EndpointConfig endpoint) =>
        cluster?.Options is { } options && endpoint.Uri.IsLoopback && endpoint.Uri.Port == options.Listen.Port;

    private ComposedStores? Refuse(ConfigPlace at, string message)
    {
        findings.Error(at, message);
        return null;
    }
}
