using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.LocalCluster.Services;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster.Hosting;

/// <summary>Puts Kestrel, gRPC and the services together. Both addresses serve everything; that workers have one of their own follows NativeLink.</summary>
internal static class ClusterServer
{
    /// <summary>Measured: larger windows than the defaults nearly double the speed of uploads.</summary>
    private const int StreamWindowBytes = 8 << 20;

    private const int ConnectionWindowBytes = 16 << 20;

    /// <summary>An Execute stream is open as long as its action; Kestrel's 100 would be few.</summary>
    private const int MaxStreams = 10_000;

    private static readonly TimeSpan IdleConnection = TimeSpan.FromMinutes(30);

    public static WebApplication Build(LocalClusterOptions options, ContentStore cas, ActionCacheStore actionCache, ILoggerFactory logs, TimeProvider time)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Configure(kestrel, options));
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.NoDelay = options.NoDelay);
        builder.Services.AddSingleton<IHostLifetime, CallerDecides>();
        builder.Services.AddSingleton<ILoggerFactory>(new FrameworkLogs(logs));
        builder.Services.AddRoutingCore();
        AddServices(builder.Services, options, cas, actionCache, logs, time);
        var app = builder.Build();
        Map(app);
        return app;
    }

    private static void Configure(KestrelServerOptions kestrel, LocalClusterOptions options)
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
        kestrel.Listen(options.Listen, Http2WithStatus);
        if (options.WorkerApiListen.Port == 0 || !options.WorkerApiListen.Equals(options.Listen))
            kestrel.Listen(options.WorkerApiListen, Http2WithStatus);
    }

    private static void Http2WithStatus(ListenOptions listen)
    {
        listen.Protocols = HttpProtocols.Http2;
        listen.Use(StatusPage.Wrap);
    }

    private static void AddServices(
        IServiceCollection services, LocalClusterOptions options, ContentStore cas, ActionCacheStore actionCache, ILoggerFactory logs, TimeProvider time)
    {
        var results = new CompleteResults(actionCache, cas);
        var uploads = new PartialUploads(cas, options.PartialUploadLifetime, time);
        var scheduler = new LocalScheduler(options.Scheduler, time, logs, new StoredActions(cas), results);
        services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = options.MaxMessageBytes;
            grpc.MaxSendMessageSize = null;
        });
        services.AddSingleton(uploads);
        services.AddSingleton(scheduler);
        services.AddSingleton(new CasService(cas, options));
        services.AddSingleton(new ByteStreamService(cas, uploads, options));
        services.AddSingleton(new ActionCacheService(actionCache, results, options));
        services.AddSingleton(new CapabilitiesService(options));
        services.AddSingleton(new ExecutionService(scheduler, options));
        services.AddSingleton(new OperationsService(scheduler));
        services.AddSingleton(new WorkerApiService(scheduler));
    }

    private static void Map(WebApplication app)
    {
        app.UseRouting();
        app.MapGrpcService<CasService>();
        app.MapGrpcService<ByteStreamService>();
        app.MapGrpcService<ActionCacheService>();
        app.MapGrpcService<CapabilitiesService>();
        app.MapGrpcService<ExecutionService>();
        app.MapGrpcService<OperationsService>();
        app.MapGrpcService<WorkerApiService>();
        app.MapGet("/status", () => "Ok");
    }
}
