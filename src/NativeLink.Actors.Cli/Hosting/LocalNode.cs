using System.Net;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.LocalCluster;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Worker;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>
/// The local cluster and, unless told otherwise, workers for it, in this process. These speak the
/// worker API without a wire in between.
/// </summary>
internal sealed class LocalNode : IAsyncDisposable
{
    private LocalNode(LocalClusterHost cluster, WorkerHost workers, IDisposable? directory) =>
        (Cluster, Workers, _directory) = (cluster, workers, directory);

    private readonly IDisposable? _directory;

    public LocalClusterHost Cluster { get; }

    /// <summary>May be none.</summary>
    public WorkerHost Workers { get; }

    /// <summary>Starts the cluster, then the workers, and waits until these are registered.</summary>
    /// <param name="workers">Makes the workers' options from the cluster that runs; as many hosts
    /// as there are stores to share.</param>
    /// <param name="directory">Disposed at the end, for example a lock on the data directory.</param>
    /// <exception cref="FaultException">An address or a directory cannot be used; says which.</exception>
    public static async Task<LocalNode> StartAsync(
        LocalClusterOptions options, Func<LocalClusterHost, IReadOnlyCollection<WorkerHostOptions>> workers,
        IDisposable? directory, ILoggerFactory logs, TimeProvider time)
    {
        LocalClusterHost? cluster = null;
        WorkerHost? set = null;
        try
        {
            cluster = await LocalClusterHost.StartAsync(options, logs, time, akka => akka.AddNativeLinkDefaults(logs));
            set = await WorkerHost.JoinAsync(cluster.Actors, workers(cluster), logs, time);
            if (set.Workers > 0)
                await Task.WhenAny(set.Registered, set.Stopped).WaitAsync(RegisterWithin, time);
            return new LocalNode(cluster, set, directory);
        }
        catch (Exception error)
        {
            if (set is not null)
                await set.DisposeAsync();
            if (cluster is not null)
                await cluster.DisposeAsync();
            directory?.Dispose();
            if (error is TimeoutException)
                throw new FaultException(
                    FaultKind.Worker,
                    $"the workers did not register within {RegisterWithin.TotalSeconds} s; " +
                    "the log says what they wait for", error);
            throw;
        }
    }

    /// <summary>
    /// An address that a process on this machine can dial,
    /// also when the server listens on every address.
    /// </summary>
    public static string Dialable(IPEndPoint listening)
    {
        var address = listening.Address.Equals(IPAddress.Any) ? IPAddress.Loopback
            : listening.Address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : listening.Address;
        return new IPEndPoint(address, listening.Port).ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await Workers.DisposeAsync();
        await Cluster.DisposeAsync();
        _directory?.Dispose();
    }

    private static readonly TimeSpan RegisterWithin = TimeSpan.FromSeconds(30);
}
