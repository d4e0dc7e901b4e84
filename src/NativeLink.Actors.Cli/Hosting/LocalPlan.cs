using System.Collections.Immutable;
using System.Net;
using NativeLink.Actors.Cli.Composition;
using NativeLink.Actors.LocalCluster;
using NativeLink.Actors.Worker;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>The switches of <c>local</c>; null where the file or the default decides.</summary>
/// <param name="Data">The data directory, absolute.</param>
internal sealed record LocalSwitches(string Data)
{
    public IPEndPoint? Listen { get; init; }

    public IPEndPoint? WorkerApiListen { get; init; }

    public WorkerSwitches Workers { get; init; } = new();

    public string? ConfigFile { get; init; }

    /// <summary>How long a blob that a client was told of is kept while there is another to evict.</summary>
    public TimeSpan? KeepFor { get; init; }
}

/// <summary>What <c>local</c> will start, from switches, file and defaults.</summary>
internal sealed record LocalPlan(
    LocalClusterOptions Cluster, Func<LocalClusterHost, IReadOnlyCollection<WorkerHostOptions>> Workers, string Data)
{
    /// <summary>Whether anything is kept in the data directory, so that it has to belong to this process.</summary>
    public bool UsesDataDirectory { get; init; } = true;

    /// <summary>What the owner of the file should know.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>An instance name that is served; empty also when any is.</summary>
    public string Instance { get; init; } = "";

    /// <exception cref="UsageException">The file cannot be read or holds mistakes: all of them are
    /// in the message.</exception>
    public static LocalPlan Make(LocalSwitches switches) =>
        switches.ConfigFile is { } file ? FromFile(file, switches) : FromDefaults(switches);

    private static LocalPlan FromDefaults(LocalSwitches switches)
    {
        var cluster = LocalDefaults.Cluster(switches.Data, switches.Listen, switches.WorkerApiListen);
        cluster = cluster with { KeepFor = switches.KeepFor ?? cluster.KeepFor };
        return new LocalPlan(cluster, DefaultWorkers(cluster, switches), switches.Data);
    }

    private static Func<LocalClusterHost, IReadOnlyCollection<WorkerHostOptions>> DefaultWorkers(
        LocalClusterOptions cluster, LocalSwitches switches) =>
        host => switches.Workers.Count == 0
            ? []
            : [LocalDefaults.Workers(host, cluster, switches.Data, switches.Workers)];

    private static LocalPlan FromFile(string file, LocalSwitches switches)
    {
        var (config, notes) = ConfigFile.Load(file);
        var plan = ClusterComposition.Compose(config,
            new ClusterSwitches(switches.Data, switches.Listen, switches.WorkerApiListen, switches.KeepFor));
        var workers = switches.Workers.Count == 0
            ? new WorkerPlan()
            : WorkerComposition.Compose(config, switches.Workers, plan);
        ConfigFile.RefuseMistakes(file, [.. plan.Errors.Concat(workers.Errors).Distinct()]);
        var cluster = plan.Options!;
        // A file that has no worker, and switches that want some: those of the defaults.
        var fromDefaults = workers.Hosts.IsEmpty && switches.Workers.Count > 0;
        return new LocalPlan(
            cluster,
            fromDefaults ? DefaultWorkers(cluster, switches) : host => workers.Bind(Running(host, cluster)),
            switches.Data)
        {
            UsesDataDirectory = fromDefaults || IsBelow(cluster.Cas.ContentPath, switches.Data)
                || IsBelow(cluster.ActionCachePath, switches.Data),
            Notes = [.. notes.Concat(plan.Notes).Concat(workers.Notes).Distinct()
                .Select(note => ConfigFile.Shown(file, note))],
            Instance = cluster.Instances.IsEmpty || cluster.Instances.Contains("") ? "" : cluster.Instances[0],
        };
    }

    private static RunningCluster Running(LocalClusterHost host, LocalClusterOptions options) => new(
        new Uri($"http://{LocalNode.Dialable(host.ClientAddress)}"), host.Cas, options.Cas,
        new ClusterSchedulerOptions(host));

    private static bool IsBelow(string path, string directory) =>
        path.StartsWith(directory.TrimEnd('/') + "/", StringComparison.Ordinal);
}
