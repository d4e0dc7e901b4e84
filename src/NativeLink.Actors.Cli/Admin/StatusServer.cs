using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
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

    private readonly WebApplication _app;

    private StatusServer(WebApplication app) => _app = app;

    /// <summary>Where it listens.</summary>
    public Uri Address { get; private init; } = new("http://127.0.0.1");

    /// <summary>Starts it; null where the options want none.</summary>
    /// <exception cref="FaultException">The address that somebody chose cannot be used; says why.</exception>
    public static async Task<StatusServer?> StartAsync(
        StatusOptions options, IStatusSource source, ILoggerFactory logs, TimeProvider time)
    {
        if (options.Listen is not { } listen)
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
            kestrel.Listen(listen);
        });
        builder.Services.AddSingleton<IHostLifetime, CallerDecides>();
        builder.Services.AddSingleton<ILoggerFactory>(new FrameworkLogs(logs));
        builder.Services.AddRoutingCore();
        builder.Services.AddOpenTelemetry().WithMetrics(static metrics => metrics
            .AddMeter(WorkerMetrics.MeterName, CasMetrics.MeterName)
            .AddRuntimeInstrumentation()
            .AddProcessInstrumentation()
            .AddPrometheusExporter());
        var app = builder.Build();
        try
        {
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
