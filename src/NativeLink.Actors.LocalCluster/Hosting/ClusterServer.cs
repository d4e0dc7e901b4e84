using Akka.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.LocalCluster.BlobAccess;
using NativeLink.Actors.LocalCluster.Connections;
using NativeLink.Actors.LocalCluster.Results;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.LocalCluster.Services;
using NativeLink.Actors.Posix;
using NativeLink.Actors.Storage;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster.Hosting;

/// <summary>
/// Puts Kestrel, gRPC and the services together. Clients' services are on
/// both addresses; the worker API, by which anybody can take a client's
/// actions and answer them, is on its own alone, unless there is only one.
/// </summary>
internal static class ClusterServer
{
    /// <summary>Measured: larger windows than the defaults nearly double the speed of uploads.</summary>
    private const int StreamWindowBytes = 8 << 20;

    private const int ConnectionWindowBytes = 16 << 20;

    /// <summary>An Execute stream is open as long as its action; Kestrel's 100 would be few.</summary>
    private const int MaxStreams = 10_000;

    /// <summary>Every build tool and worker has a few.</summary>
    private const int LeastConnections = 8, MaxConnections = 4_096;

    /// <summary>Descriptors that clients do not get: what the process has open, and what its actions take.</summary>
    private const int OwnDescriptors = 300;

    private static readonly TimeSpan IdleConnection = TimeSpan.FromMinutes(30);

    /// <summary>
    /// A peer that was quiet for so long is asked whether it is still there; without an answer its
    /// connection and all its calls end.
    /// </summary>
    private static readonly TimeSpan PingAfter = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan PingAnswer = TimeSpan.FromSeconds(20);

    /// <param name="akka">What else the process's actor system is to have; it wins over what is set here.</param>
    public static WebApplication Build(
        LocalClusterOptions options, ContentStore cas, ActionCacheStore actionCache, ILoggerFactory logs,
        TimeProvider time, Action<AkkaConfigurationBuilder>? akka)
    {
        EarlyLoading.LoadReferencesOf(typeof(ClusterServer).Assembly);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Configure(kestrel, options, time));
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.NoDelay = options.NoDelay);
        builder.Services.AddSingleton<IHostLifetime, CallerDecides>();
        builder.Services.AddSingleton<ILoggerFactory>(new FrameworkLogs(logs));
        builder.Services.AddRoutingCore();
        var scheduler = AddServices(builder.Services, options, cas, actionCache, logs, time);
        builder.Services.AddAkka("nativelink", system =>
        {
            akka?.Invoke(system);
            system.AddHocon(LocalScheduler.Hocon(), HoconAddMode.Append)
                .WithActors((actors, _) => scheduler.Start(actors));
        });
        var app = builder.Build();
        app.UseFirstMessageBound(time);
        app.Services.GetRequiredService<LastCall>().Watch(app);
        Map(app, options);
        return app;
    }

    private static void Configure(KestrelServerOptions kestrel, LocalClusterOptions options, TimeProvider time)
    {
        // NativeLink's own worker writes ":scheme: grpc".
        kestrel.AllowAlternateSchemes = true;
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.KeepAliveTimeout = IdleConnection;
        kestrel.Limits.Http2.InitialStreamWindowSize = StreamWindowBytes;
        kestrel.Limits.Http2.InitialConnectionWindowSize = ConnectionWindowBytes;
        kestrel.Limits.Http2.MaxStreamsPerConnection = MaxStreams;
        kestrel.Limits.Http2.KeepAlivePingDelay = PingAfter;
        kestrel.Limits.Http2.KeepAlivePingTimeout = PingAnswer;
        kestrel.Limits.MaxConcurrentConnections = Math.Clamp(
            (ResourceLimit.OwnSoft(ResourceLimit.OpenFiles) ?? int.MaxValue) - OwnDescriptors, LeastConnections,
            MaxConnections);
        var page = new StatusPage(time);
        var twoAddresses = options.WorkerApiListen.Port == 0 || !options.WorkerApiListen.Equals(options.Listen);
        kestrel.Listen(options.Listen, listen => Http2WithStatus(listen, page, time, workers: !twoAddresses));
        if (twoAddresses && options.ServesWorkerApi)
            kestrel.Listen(options.WorkerApiListen, listen => Http2WithStatus(listen, page, time, workers: true));
    }

    private static void Http2WithStatus(ListenOptions listen, StatusPage page, TimeProvider time, bool workers)
    {
        listen.Protocols = HttpProtocols.Http2;
        listen.Use(page.Wrap);
        listen.Use(GoAwayWatch.Watch(time));
        if (workers)
            listen.Use(WorkerAddress.Mark);
    }

    private static LocalScheduler AddServices(
        IServiceCollection services, LocalClusterOptions options, ContentStore cas, ActionCacheStore actionCache,
        ILoggerFactory logs, TimeProvider time)
    {
        var results = new CompletenessChecking(actionCache, cas);
        var uploads = new PartialUploads(cas, options.PartialUploadLifetime, MostUploadBytes(options), time);
        var scheduler = new LocalScheduler(options.Scheduler, time, logs, new CasActionSource(cas), results);
        services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = options.MaxMessageBytes;
            grpc.MaxSendMessageSize = null;
            grpc.Interceptors.Add<CallStatuses>();
        }).AddServiceOptions<CasService>(grpc => grpc.MaxReceiveMessageSize = (int)Math.Min(int.MaxValue,
            (long)Math.Max(options.MaxMessageBytes, options.MaxBatchTotalSizeBytes) + options.CasOverheadBytes));
        services.AddSingleton(new CallStatuses(logs));
        services.AddSingleton(new LastCall(time));
        services.AddSingleton(uploads);
        services.AddSingleton(scheduler);
        services.AddSingleton(new CasService(cas, uploads, options));
        services.AddSingleton(new ByteStreamService(cas, uploads, options, time));
        services.AddSingleton(new ActionCacheService(actionCache, results, options));
        services.AddSingleton(new CapabilitiesService(cas, options));
        services.AddSingleton(new ExecutionService(scheduler, options));
        services.AddSingleton(new OperationsService(scheduler));
        services.AddSingleton(new WorkerApiService(scheduler));
        return scheduler;
    }

    private static long MostUploadBytes(LocalClusterOptions options) =>
        options.MaxUploadBytes > 0
            ? options.MaxUploadBytes
            : options.Cas.MaxBytes > 0 ? options.Cas.MaxBytes : long.MaxValue;

    private static void Map(WebApplication app, LocalClusterOptions options)
    {
        app.UseRouting();
        app.MapGrpcService<CasService>();
        app.MapGrpcService<ByteStreamService>();
        app.MapGrpcService<ActionCacheService>();
        app.MapGrpcService<CapabilitiesService>();
        if (options.ExecutionInstances is not { Length: 0 })
        {
            app.MapGrpcService<ExecutionService>();
            app.MapGrpcService<OperationsService>();
        }
        if (options.ServesWorkerApi)
            app.MapGrpcService<WorkerApiService>();
        app.MapGet("/status", () => "Ok");
    }
}
