using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Worker;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>The hosts of workers of one process, one for all workers that share a store, as one thing.</summary>
public sealed class WorkerSet : IAsyncDisposable
{
    private readonly ImmutableArray<WorkerHost> _hosts;

    private WorkerSet(ImmutableArray<WorkerHost> hosts, int workers) => (_hosts, Workers) = (hosts, workers);

    /// <summary>How many workers run in all hosts together.</summary>
    public int Workers { get; }

    /// <summary>Completes when every worker has been registered at least once.</summary>
    public Task Registered => Task.WhenAll(_hosts.Select(host => host.Registered));

    /// <summary>Completes when a host has stopped by itself; a fault says why. Never completes without hosts.</summary>
    public Task<Fault?> Stopped => _hosts.IsEmpty ? new TaskCompletionSource<Fault?>().Task : Task.WhenAny(_hosts.Select(host => host.Stopped)).Unwrap();

    /// <summary>Starts one host after the other; when one cannot start, those before it are ended.</summary>
    /// <exception cref="FaultException">A path or a store cannot be used; says which.</exception>
    public static async Task<WorkerSet> StartAsync(IReadOnlyCollection<WorkerHostOptions> options, ILoggerFactory logs, TimeProvider time)
    {
        var hosts = ImmutableArray.CreateBuilder<WorkerHost>();
        try
        {
            foreach (var one in options)
                hosts.Add(await WorkerHost.StartAsync(one, logs, time));
        }
        catch
        {
            foreach (var host in hosts)
                await host.DisposeAsync();
            throw;
        }
        return new WorkerSet(hosts.ToImmutable(), options.Sum(one => one.Workers.Length));
    }

    /// <summary>Refuses new work, finishes what runs, says goodbye. True when all was finished, false when a bound cut it.</summary>
    public async Task<bool> DrainAsync() => (await Task.WhenAll(_hosts.Select(host => host.DrainAsync()))).All(finished => finished);

    /// <summary>Ends everything now; no process of an action is left when it completes.</summary>
    public async ValueTask DisposeAsync() => await Task.WhenAll(_hosts.Select(host => host.DisposeAsync().AsTask()));
}
