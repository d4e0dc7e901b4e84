using System.Net;
using Akka.Actor;
using Akka.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.LocalCluster.BlobAccess;
using NativeLink.Actors.LocalCluster.Hosting;
using NativeLink.Actors.LocalCluster.Results;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.LocalCluster.Scheduling.Workers;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster;

/// <summary>The local cluster, running: Kestrel with all its services.</summary>
internal sealed class LocalClusterHost : IAsyncDisposable
{
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ClientPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ClientPatience = TimeSpan.FromSeconds(10);

    private readonly WebApplication _app;
    private readonly PartialUploads _uploads;
    private readonly LocalScheduler _scheduler;
    private readonly StoreSampling _sampling;
    private readonly TimeProvider _time;
    private int _disposed;

    private LocalClusterHost(WebApplication app, ContentStore cas, ActionCacheStore actionCache, TimeProvider time)
    {
        (_app, Cas, ActionCache, _time) = (app, cas, actionCache, time);
        _uploads = app.Services.GetRequiredService<PartialUploads>();
        _scheduler = app.Services.GetRequiredService<LocalScheduler>();
        _sampling = StoreSampling.Start(cas, time, new Random());
    }

    /// <summary>The addresses really taken.</summary>
    public IPEndPoint ClientAddress { get; private set; } = null!;

    public IPEndPoint WorkerApiAddress { get; private set; } = null!;

    /// <summary>The one actor system of the process, for workers in it.</summary>
    public ActorSystem Actors => _app.Services.GetRequiredService<ActorSystem>();

    /// <summary>The CAS's own store, for workers in the same process.</summary>
    public ContentStore Cas { get; }

    /// <summary>The action cache's own store, for workers in the same process.</summary>
    public ActionCacheStore ActionCache { get; }

    /// <summary>Opens the stores and listens; completes when both addresses answer.</summary>
    /// <exception cref="FaultException">An address or a path cannot be used; says which and what to do.</exception>
    /// <param name="akka">What else the process's actor system is to have, for workers in it.</param>
    public static async Task<LocalClusterHost> StartAsync(
        LocalClusterOptions options, ILoggerFactory logs, TimeProvider time,
        Action<AkkaConfigurationBuilder>? akka = null)
    {
        ArgumentNullException.ThrowIfNull(time);
        var log = logs.CreateLogger<LocalClusterHost>();
        var cas = OpenCas(options.Cas with
        {
            VouchedFor = options.KeepFor,
            OnWarning = text => ClusterLog.StoreNoticed(log, text),
        }, time);
        LocalClusterHost? host = null;
        try
        {
            var actionCache = ActionCacheStore.Open(options.ActionCachePath, options.ActionCacheMaxEntries, time,
                bytes => cas.TryFreeSpace(bytes, options.ActionCachePath));
            host = new LocalClusterHost(ClusterServer.Build(options, cas, actionCache, logs, time, akka), cas,
                actionCache, time);
            await host.ListenAsync(options, log);
            return host;
        }
        catch
        {
            if (host is not null)
                await host.DisposeAsync();
            else
                cas.Dispose();
            throw;
        }
    }

    /// <summary>Opens the worker API's stream for a worker in this process.</summary>
    /// <exception cref="FormatException">A property has a value that its kind does not take.</exception>
    public LocalWorkerSession ConnectWorker(Wire.ConnectWorkerRequest registration) => new(_scheduler, registration);

    /// <summary>
    /// Nothing new is started from now on, and new Execute calls are refused with UNAVAILABLE;
    /// everything else is served until the end.
    /// </summary>
    public void BeginDrain() => _scheduler.BeginDrain();

    /// <summary>
    /// Lets clients fetch what they have been answered with: until none has called for a second, for ten at most.
    /// </summary>
    /// <param name="cut">Ends the wait.</param>
    public async Task WaitForClientsAsync(Task cut)
    {
        var last = _app.Services.GetRequiredService<LastCall>();
        for (var began = _time.GetTimestamp(); _time.GetElapsedTime(began) < ClientPatience && !cut.IsCompleted;)
        {
            var left = ClientPause - last.Ago;
            if (left <= TimeSpan.Zero)
                return;
            await Task.WhenAny(cut, Task.Delay(left, _time));
        }
    }

    /// <summary>Ends the calls that still run, within some seconds, and closes the stores.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        using var patience = new CancellationTokenSource(StopPatience, _time);
        try
        {
            await _scheduler.DisposeAsync();
            await _app.StopAsync(patience.Token);
            await _app.DisposeAsync();
        }
        finally
        {
            _uploads.Dispose();
            _sampling.Dispose();
            Cas.Dispose();
        }
    }

    private static ContentStore OpenCas(ContentStoreOptions options, TimeProvider time)
    {
        try
        {
            return ContentStore.Open(options with { RefusesTooLarge = true }, time);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(
                FaultKind.Storage,
                $"the CAS directory '{options.ContentPath}' cannot be used: {error.Message}; " +
                "choose another or repair it", error);
        }
    }

    /// <summary>The address that the server names, and all of them when it names none.</summary>
    private static string Culprit(IPEndPoint[] addresses, Exception error)
    {
        var named = addresses.Where(address => error.Message.Contains(address.ToString(), StringComparison.Ordinal))
            .ToList();
        return string.Join<IPEndPoint>(" and ", named.Count > 0 ? named : addresses);
    }

    private async Task ListenAsync(LocalClusterOptions options, ILogger log)
    {
        var addresses = options.ServesWorkerApi && !options.WorkerApiListen.Equals(options.Listen)
            ? new[] { options.Listen, options.WorkerApiListen }
            : [options.Listen];
        foreach (var address in addresses)
        {
            if (!IPAddress.IsLoopback(address.Address))
                ClusterLog.NotLoopback(log, address);
        }
        try
        {
            await _app.StartAsync();
        }
        catch (Exception error) when (error is IOException or System.Net.Sockets.SocketException
            or InvalidOperationException)
        {
            throw new FaultException(
                FaultKind.Worker,
                $"cannot listen on {Culprit(addresses, error)}: {error.GetBaseException().Message}; " +
                "free the address or choose another", error);
        }
        var taken = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
            .Select(address => new Uri(address))
            .Select(uri => new IPEndPoint(IPAddress.Parse(uri.Host.Trim('[', ']')), uri.Port)).ToArray();
        (ClientAddress, WorkerApiAddress) = (taken[0], taken[^1]);
    }
}
