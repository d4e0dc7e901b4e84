using System.Collections.Immutable;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Configuration;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker;
using NativeLink.Actors.Worker.Connection;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>What would be run: one host for all workers that share a store.</summary>
internal sealed record WorkerPlan
{
    /// <summary>Empty when there is any error, and when the file has no worker.</summary>
    public ImmutableArray<PlannedHost> Hosts { get; init; } = [];

    public ImmutableArray<ConfigError> Errors { get; init; } = [];

    public ImmutableArray<ConfigNote> Notes { get; init; } = [];

    /// <summary>The options with the running cluster's addresses and store filled in.</summary>
    public ImmutableArray<WorkerHostOptions> Bind(RunningCluster cluster) =>
        [.. Hosts.Select(host => host.Bind(cluster))];
}

/// <summary>The local cluster of this process, once it runs.</summary>
/// <param name="Client">Where it can be dialled for CAS and action cache, http://.</param>
/// <param name="Cas">Its store, already open.</param>
/// <param name="CasOptions">What that store was opened with.</param>
/// <param name="Scheduler">Its scheduler.</param>
internal sealed record RunningCluster(
    Uri Client, ContentStore Cas, ContentStoreOptions CasOptions, SchedulerEndpointOptions Scheduler);

/// <summary>A host of workers, before it is known where the cluster of this process listens.</summary>
/// <param name="Options">Complete, except for what the other members say the cluster of this process gives.</param>
internal sealed record PlannedHost(WorkerHostOptions Options)
{
    /// <summary>The scheduler is the one in this process.</summary>
    public bool UsesClusterScheduler { get; init; }

    /// <summary>The CAS is the one in this process: its store is shared, not opened again.</summary>
    public bool UsesClusterCas { get; init; }

    /// <summary>By worker, in the order of the options: its results go to the action cache in this process.</summary>
    public ImmutableArray<bool> UsesClusterActionCache { get; init; } = [];

    public string ActionCacheInstance { get; init; } = "";

    public WorkerHostOptions Bind(RunningCluster cluster)
    {
        var options = Options with
        {
            Workers = [.. Options.Workers.Select((worker, index) => Bind(worker, index, cluster))],
        };
        return UsesClusterCas
            ? options with
            {
                Cas = new CasOptions { LocalStoreOnly = true },
                LocalStore = cluster.CasOptions,
                SharedStore = cluster.Cas
            }
            : options;
    }

    private WorkerOptions Bind(WorkerOptions worker, int index, RunningCluster cluster)
    {
        if (UsesClusterScheduler)
            worker = worker with { Connection = worker.Connection with { SchedulerEndpoint = cluster.Scheduler } };
        var cache = new GrpcStoreOptions
        {
            InstanceName = ActionCacheInstance,
            Endpoints = [new GrpcEndpointOptions(cluster.Client)],
        };
        return index < UsesClusterActionCache.Length && UsesClusterActionCache[index]
            ? worker
                with
            { Actions = worker.Actions with { Results = worker.Actions.Results with { ActionCache = cache } } }
            : worker;
    }
}
