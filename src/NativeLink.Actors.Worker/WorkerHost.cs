using Akka.Actor;
using Akka.Actor.Setup;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Worker.Telemetry;
using static NativeLink.Actors.Worker.PoolProtocol;

namespace NativeLink.Actors.Worker;

/// <summary>Workers in this process: an actor system with a <c>WorkerPool</c> and the services that its workers share.</summary>
public sealed class WorkerHost : IAsyncDisposable
{
    // Kills are answered within 5 s and streams closed within 10: longer than this, something is stuck in the kernel.
    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(15);

    private readonly WorkerServices _services;
    private readonly ActorSystem _system;
    private readonly IActorRef _pool;
    private readonly TimeSpan _drainTimeout;
    private readonly TimeProvider _time;
    private int _disposed;

    private WorkerHost(WorkerServices services, ActorSystem system, IActorRef pool, TimeSpan drainTimeout, TimeProvider time)
    {
        (_services, _system, _pool, _drainTimeout, _time) = (services, system, pool, drainTimeout, time);
        Registered = pool.Ask<AllRegistered>(new AwaitRegistered(), Timeout.InfiniteTimeSpan);
        Stopped = FaultOf(pool.Ask<Stopped>(new AwaitStopped(), Timeout.InfiniteTimeSpan), system.WhenTerminated);
    }

    /// <summary>Checks the directories, wipes the work directories, starts the actor system and its workers; completes before they are registered.</summary>
    /// <exception cref="FaultException">A path or store cannot be used; says which and what to do.</exception>
    public static async Task<WorkerHost> StartAsync(WorkerHostOptions options, ILoggerFactory logs, TimeProvider time)
    {
        // Timers, sockets and the pool's own work share the thread pool with whoever else lives in this process; its slow start must not cost a keep-alive.
        ThreadPool.GetMinThreads(out var threads, out var ports);
        ThreadPool.SetMinThreads(Math.Max(threads, 16), Math.Max(ports, 16));
        var services = await WorkerServices.OpenAsync(options, logs, time);
        try
        {
            var setup = BootstrapSetup.Create().WithConfig(WorkerHocon.Host()).And(new AkkaLogSetup(logs));
            var system = ActorSystem.Create("nativelink", setup);
            var pool = system.ActorOf(WorkerPool.CreateProps(services.ToPool()), "workers");
            return new WorkerHost(services, system, pool, options.DrainTimeout, time);
        }
        catch
        {
            await services.DisposeAsync();
            throw;
        }
    }

    /// <summary>Completes when every worker has been registered at least once.</summary>
    public Task Registered { get; }

    /// <summary>Completes when the host has stopped by itself; a fault says why.</summary>
    public Task<Fault?> Stopped { get; }

    /// <summary>Refuses new work, finishes what runs, says goodbye. True when all was finished, false when the bound cut it.</summary>
    public async Task<bool> DrainAsync()
    {
        try
        {
            return (await _pool.Ask<AllDrained>(new DrainAll(), Timeout.InfiniteTimeSpan).WaitAsync(_drainTimeout, _time)).Completed;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Ends everything now; no process of an action is left when it completes.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        try
        {
            await _pool.GracefulStop(EndTimeout, new ShutdownAll());
        }
        catch (OperationCanceledException)
        {
            // Whatever still runs is ended by the launcher, below.
        }
        await _system.Terminate().WaitAsync(EndTimeout, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _services.DisposeAsync();
    }

    private static async Task<Fault?> FaultOf(Task<Stopped> stopped, Task terminated) =>
        await Task.WhenAny(stopped, terminated) == stopped && stopped.IsCompletedSuccessfully ? (await stopped).Fault : null;
}
