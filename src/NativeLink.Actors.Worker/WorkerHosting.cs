using Akka.Hosting;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Worker.Telemetry;

namespace NativeLink.Actors.Worker;

/// <summary>Workers by Akka.Hosting, in whichever host: this project's programs start them in the same way.</summary>
public static class WorkerHosting
{
    /// <summary>
    /// What an actor system with workers needs: dispatchers, bounds
    /// of its shutdown, and its log in <paramref name="logs"/>.
    /// </summary>
    public static AkkaConfigurationBuilder AddNativeLinkDefaults(
        this AkkaConfigurationBuilder builder, ILoggerFactory logs) =>
        builder.AddHocon(WorkerHocon.Host(), HoconAddMode.Append).AddSetup(new AkkaLogSetup(logs));

    /// <summary>
    /// Adds the workers of <paramref name="options"/> to the actor system being built: dispatchers,
    /// services and a <see cref="WorkerPool"/>, which the registry then knows. When the host stops
    /// they drain, within the options' bound and the host's own, and end, with every process of
    /// their actions, before the system does.
    /// </summary>
    /// <exception cref="FaultException">At the system's start: a path or store cannot be used; says
    /// which and what to do.</exception>
    public static AkkaConfigurationBuilder AddNativeLinkWorkers(
        this AkkaConfigurationBuilder builder, WorkerHostOptions options, ILoggerFactory logs, TimeProvider time) =>
        builder
            .AddHocon(WorkerHocon.Reference(), HoconAddMode.Append)
            .WithActors(async (system, registry) =>
                registry.Register<WorkerPool>(
                    (await WorkerGroup.StartAsync(system, "nativelink-workers", options, logs, time)).Pool));
}
