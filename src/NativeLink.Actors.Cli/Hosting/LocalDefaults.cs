using System.Net;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Cli.Composition;
using NativeLink.Actors.LocalCluster;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>
/// What <c>local</c> and <c>exec</c> run when no file
/// says otherwise: everything below one data directory.
/// </summary>
internal static class LocalDefaults
{
    private const long CasBytes = 50L << 30;

    /// <summary>Null addresses are the well-known ones.</summary>
    public static LocalClusterOptions Cluster(string data, IPEndPoint? listen, IPEndPoint? workerApiListen) => new()
    {
        Listen = listen ?? new IPEndPoint(IPAddress.Loopback, 50051),
        WorkerApiListen = workerApiListen ?? new IPEndPoint(IPAddress.Loopback, 50061),
        Cas = new ContentStoreOptions(Path.Combine(data, "cas"), Path.Combine(data, "cas-temp"))
        {
            MaxBytes = CasBytes,
        },
        ActionCachePath = Path.Combine(data, "ac"),
    };

    /// <param name="data">The data directory, absolute.</param>
    /// <param name="switches">Without a word: one worker, and as many actions at once as processors.</param>
    public static WorkerHostOptions Workers(
        LocalClusterHost cluster, LocalClusterOptions options, string data, WorkerSwitches switches)
    {
        var scheduler = new ClusterSchedulerOptions(cluster);
        var actionCache = new GrpcStoreOptions
        {
            Endpoints = [new GrpcEndpointOptions(new Uri($"http://{LocalNode.Dialable(cluster.ClientAddress)}"))],
        };
        return switches.Apply(new WorkerHostOptions
        {
            Cas = new CasOptions { LocalStoreOnly = true },
            LocalStore = options.Cas,
            SharedStore = cluster.Cas,
            ActionCacheClient = new ClusterActionCache(cluster.ActionCache),
            DirectoryCache = new DirectoryCacheOptions(Path.Combine(data, "trees")),
            Workers = [.. Enumerable.Range(1, switches.Count ?? 1).Select(number => new WorkerOptions
            {
                Connection = new ConnectionOptions
                {
                    Name = $"local-{number}-",
                    SchedulerEndpoint = scheduler,
                    MaxInflightTasks = Environment.ProcessorCount,
                },
                Actions = new ExecutorOptions
                {
                    Results = new UploadResultOptions
                    {
                        ActionCacheStrategy = ResultStrategy.SuccessOnly,
                        ActionCache = actionCache,
                        HistoricalStrategy = ResultStrategy.Never,
                    },
                },
                WorkDirectory = Path.Combine(data, "work", $"{number}"),
                WorkDirectoryIsPart = true,
            })],
        });
    }
}
