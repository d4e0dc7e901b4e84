using Akka.Actor;
using Akka.Hosting;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Worker.Telemetry;
using static NativeLink.Actors.Worker.PoolProtocol;

namespace NativeLink.Actors.Worker;

/// <summary>Workers inside somebody's own actor system, by Akka.Hosting.</summary>
public static class WorkerHosting
{
    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Adds the workers of <paramref name="options"/> to the actor system being built: dispatchers, services and a <see cref="WorkerPool"/>, which the
    /// registry then knows. They end, with every process of their actions, before the system does.
    /// </summary>
    /// <exception cref="FaultException">At the system's start: a path or store cannot be used; says which and what to do.</exception>
    public static AkkaConfigurationBuilder AddNativeLinkWorkers(
        this AkkaConfigurationBuilder builder, WorkerHostOptions options, ILoggerFactory logs, TimeProvider time) =>
        builder
            .AddHocon(WorkerHocon.Reference(), HoconAddMode.Append)
            .WithActors(async (system, registry) =>
            {
                var services = await WorkerServices.OpenAsync(options, logs, time);
                var pool = system.ActorOf(WorkerPool.CreateProps(services.ToPool()), "nativelink-workers");
                registry.Register<WorkerPool>(pool);
                CoordinatedShutdown.Get(system).AddTask(CoordinatedShutdown.PhaseBeforeActorSystemTerminate, "nativelink-workers", async () =>
                {
                    try
                    {
                        await pool.GracefulStop(EndTimeout, new ShutdownAll());
                    }
                    catch (OperationCanceledException)
                    {
                        // Whatever still runs is ended by the launcher, below.
                    }
                    await services.DisposeAsync();
                    return Akka.Done.Instance;
                });
            });
}
