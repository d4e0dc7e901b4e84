using Akka.Actor;
using Microsoft.Extensions.Logging;
using static NativeLink.Actors.Worker.PoolProtocol;

namespace NativeLink.Actors.Worker;

/// <summary>
/// The workers that share one set of stores, in an actor system: a pool, and the services on this
/// machine that it uses. They drain and end as the first things when the system's coordinated
/// shutdown runs, unless that has been done before.
/// </summary>
internal sealed class WorkerGroup
{
    // Kills are answered within 5 s and streams closed within 10: longer than this, something is stuck in the kernel.
    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(15);

    private readonly WorkerServices _services;
    private readonly TimeSpan _drainTimeout;
    private readonly TimeProvider _time;
    private readonly Lazy<Task<bool>> _draining;
    private readonly Lazy<Task> _ending;

    private WorkerGroup(
        ActorSystem system, IActorRef pool, WorkerServices services, TimeSpan drainTimeout, TimeProvider time)
    {
        (Pool, _services, _drainTimeout, _time) = (pool, services, drainTimeout, time);
        (_draining, _ending) = (new Lazy<Task<bool>>(DrainOnceAsync), new Lazy<Task>(EndOnceAsync));
        Registered = pool.Ask<AllRegistered>(new AwaitRegistered(), Timeout.InfiniteTimeSpan);
        Stopped = FaultOfAsync(pool.Ask<Stopped>(new AwaitStopped(), Timeout.InfiniteTimeSpan), system.WhenTerminated);
    }

    public IActorRef Pool { get; }

    /// <summary>Completes when every worker has been registered at least once.</summary>
    public Task Registered { get; }

    /// <summary>Completes when the group has stopped by itself; a fault says why.</summary>
    public Task<Fault?> Stopped { get; }

    /// <summary>
    /// Checks the directories, wipes the work directories and
    /// starts the workers; completes before they are registered.
    /// </summary>
    /// <param name="name">Of the pool in the actor system.</param>
    /// <exception cref="FaultException">A path or store cannot be used; says which and what to do.</exception>
    public static async Task<WorkerGroup> StartAsync(
        ActorSystem system, string name, WorkerHostOptions options, ILoggerFactory logs, TimeProvider time)
    {
        var services = await WorkerServices.OpenAsync(options, logs, time);
        WorkerGroup group;
        try
        {
            var pool = system.ActorOf(WorkerPool.CreateProps(services.ToPool()), name);
            group = new WorkerGroup(system, pool, services, options.DrainTimeout, time);
        }
        catch
        {
            await services.DisposeAsync();
            throw;
        }
        var shutdown = CoordinatedShutdown.Get(system);
        shutdown.AddTask(CoordinatedShutdown.PhaseBeforeServiceUnbind, $"{name}-drain", async () =>
        {
            await group.DrainAsync();
            return Akka.Done.Instance;
        });
        shutdown.AddTask(CoordinatedShutdown.PhaseServiceStop, $"{name}-end", async () =>
        {
            await group.EndAsync();
            return Akka.Done.Instance;
        });
        return group;
    }

    /// <summary>
    /// Refuses new work, finishes what runs, says goodbye. True when all was finished, false when
    /// the bound, or the end, cut it.
    /// </summary>
    public Task<bool> DrainAsync() => _draining.Value;

    /// <summary>Ends everything now; no process of an action is left when it completes.</summary>
    public Task EndAsync() => _ending.Value;

    private async Task<bool> DrainOnceAsync()
    {
        if (_ending.IsValueCreated)
            return false;
        try
        {
            return (await Pool.Ask<AllDrained>(new DrainAll(), Timeout.InfiniteTimeSpan)
                .WaitAsync(_drainTimeout, _time)).Completed;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private async Task EndOnceAsync()
    {
        try
        {
            await Pool.GracefulStop(EndTimeout, new ShutdownAll());
        }
        catch (OperationCanceledException)
        {
            // Whatever still runs is ended by the launcher, below.
        }
        await _services.DisposeAsync();
    }

    private static async Task<Fault?> FaultOfAsync(Task<Stopped> stopped, Task terminated) =>
        await Task.WhenAny(stopped, terminated) == stopped && stopped.IsCompletedSuccessfully
            ? (await stopped).Fault
            : null;
}
