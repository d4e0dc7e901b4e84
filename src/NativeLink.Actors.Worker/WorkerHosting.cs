using Akka.Configuration;
using Akka.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Worker.Telemetry;

namespace NativeLink.Actors.Worker;

/// <summary>Workers by Akka.Hosting, in whichever host: this project's programs start them in the same way.</summary>
public static class WorkerHosting
{
    /// <summary>
    /// What an actor system needs for <see cref="WorkerHost.JoinAsync"/> when Akka.Hosting does not
    /// make it, a test kit's for example: the dispatchers, and bounds of its shutdown. To be its
    /// configuration, or what that falls back to.
    /// </summary>
    public static Config DefaultConfig() => WorkerHocon.Reference();

    /// <summary>
    /// What an actor system with workers needs: dispatchers, bounds
    /// of its shutdown, and its log in <paramref name="logs"/>.
    /// </summary>
    public static AkkaConfigurationBuilder AddNativeLinkDefaults(
        this AkkaConfigurationBuilder builder, ILoggerFactory logs) =>
        builder.AddHocon(WorkerHocon.Host(), HoconAddMode.Append).AddSetup(new AkkaLogSetup(logs));

    /// <summary>
    /// Adds the workers of <paramref name="options"/> to the actor system being built: dispatchers,
    /// services and a <see cref="WorkerPool"/>, which the registry then knows (of several, the first).
    /// When the host stops they drain, within the options' bound and the host's own, and end, with
    /// every process of their actions, before the system does.
    /// </summary>
    /// <param name="builder">The system's.</param>
    /// <param name="options">Workers that share their stores;
    /// those of other clusters are added by another call.</param>
    /// <param name="logs">Null: the application's.</param>
    /// <param name="time">Null: the machine's.</param>
    /// <param name="name">Of the pool's actor; no two in a system have the same.</param>
    /// <exception cref="FaultException">At the system's start: a path or store cannot be used; says
    /// which and what to do.</exception>
    public static AkkaConfigurationBuilder AddNativeLinkWorkers(
        this AkkaConfigurationBuilder builder, WorkerHostOptions options, ILoggerFactory? logs = null,
        TimeProvider? time = null, string name = "nativelink-workers") =>
        builder
            .AddHocon(WorkerHocon.Reference(), HoconAddMode.Append)
            .WithActors(async (system, registry, resolver) =>
            {
                var group = await WorkerGroup.StartAsync(system, name, options,
                    logs ?? resolver.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance,
                    time ?? TimeProvider.System);
                registry.TryRegister<WorkerPool>(group.Pool);
            });
}
