using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Cas;
using NativeLink.Actors.LocalCluster.Hosting;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Worker.Telemetry;
using OpenTelemetry.Metrics;

namespace NativeLink.Actors.Cli.Admin;

/// <summary>
/// The HTTP server of a process with workers: health, metrics, what each worker does, and what it may be told to do. It
/// never keeps the workers from running: where its usual address is taken it takes another one.
/// </summary>
internal sealed partial class StatusServer : IAsyncDisposable
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly WebApplication _app;

    private StatusServer(WebApplication app) => _app = app;

    /// <summary>Where it listens.</summary>
    public Uri Address { get; private init; } = new("http://127.0.0.1");

    /// <summary>Starts it; null where the options want none, or want the other one.</summary>
    /// <param name="isChosen">Only at an address that somebody chose, or only at the usual one, which costs the start
    /// nothing when it comes last.</param>
    /// <exception cref="FaultException">The address that somebody chose cannot be used; says why.</exception>
    public static async Task<StatusServer?> StartAsync(
        StatusOptions options, bool isChosen, IStatusSource source, ILoggerFactory logs, TimeProvider time)
    {
        if (options.Listen is not { } listen || options.IsChosen != isChosen)
            return null;
        var log = logs.CreateLogger("NativeLink.Actors.Status");
        try
        {
            return await StartAsync(listen, options, source, logs, log, time);
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            if (options.IsChosen)
                throw new FaultException(
                    FaultKind.Worker, $"--status-listen {listen}: {error.GetBaseException().Message}", error);
        }
        try
        {
            return await StartAsync(new IPEndPoint(listen.Address, 0), options, source, logs, log, time);
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            LogNone(log, error.GetBaseException().Message);
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var bound = new CancellationTokenSource(StopTimeout);
        await _app.StopAsync(bound.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _app.DisposeAsync();
    }

    private static async Task<StatusServer> StartAsync(IPEndPoint listen, StatusOptions options, IStatusSource source,
        ILoggerFactory logs, ILogger log, TimeProvider time)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = 100;
            kestrel.Limits.MaxRequestBodySize = 64 << 10;
            // Who says nothing gives its place back before a health check is missed twice.
            kestrel.Limits.RequestHeadersTimeout = Patience;
            kestrel.Limits.KeepAliveTimeout = Patience;
            kestrel.Listen(listen);
        });
        builder.Services.AddSingleton<IHostLifetime, CallerDecides>();
        builder.Services.AddSingleton<ILoggerFactory>(new FrameworkLogs(logs));
        builder.Services.AddRoutingCore();
        // A page in somebody's browser may lead a name of its own to this machine.
        if (IPAddress.IsLoopback(listen.Address))
            builder.Services.Configure<HostFilteringOptions>(
                static hosts => hosts.AllowedHosts = ["localhost", "127.0.0.1", "[::1]"]);
        builder.Services.AddOpenTelemetry().WithMetrics(static metrics => metrics
            .AddMeter(WorkerMetrics.MeterName, CasMetrics.MeterName)
            .AddRuntimeInstrumentation()
            .AddProcessInstrumentation()
            .AddPrometheusExporter());
        var app = builder.Build();
        try
        {
            if (IPAddress.IsLoopback(listen.Address))
                app.UseHostFiltering();
            app.UseRouting();
            StatusApi.Map(app, source, options.Token, time);
            app.MapPrometheusScrapingEndpoint("/metrics");
            await app.StartAsync();
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
        var server = new StatusServer(app) { Address = new Uri(app.Urls.First()) };
        LogListening(log, server.Address);
        return server;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Health, metrics and state at {Address}")]
    private static partial void LogListening(ILogger log, Uri address);

    [LoggerMessage(Level = LogLevel.Warning, Message = "No health, metrics and state are served: {Reason}")]
    private static partial void LogNone(ILogger log, string reason);
}
