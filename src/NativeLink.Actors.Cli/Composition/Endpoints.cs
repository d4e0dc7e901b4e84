using System.Collections.Immutable;
using Grpc.Core;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Connection.WorkerApi;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>The configuration's records as the worker's room takes them.</summary>
internal static class Endpoints
{
    // Timers of the runtime take no more than 49 days.
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(40);

    public static TimeSpan Bounded(TimeSpan wait) => wait < LongestWait ? wait : LongestWait;

    public static GrpcEndpointOptions Endpoint(EndpointConfig endpoint) => new(Dialled(endpoint.Uri))
    {
        Tls = endpoint.Tls is { } tls
            ? new TlsOptions(tls.CaFile, tls.CertFile, tls.KeyFile, tls.UseNativeRoots)
            : null,
        ConnectTimeout = Bounded(endpoint.ConnectTimeout),
        TcpKeepAlive = Bounded(endpoint.TcpKeepAlive),
        Http2KeepAliveInterval = Bounded(endpoint.Http2KeepAliveInterval),
        Http2KeepAliveTimeout = Bounded(endpoint.Http2KeepAliveTimeout),
        ConcurrencyLimit = endpoint.ConcurrencyLimit,
    };

    /// <summary>The one place that chooses the protocol between a worker and its scheduler.</summary>
    public static SchedulerEndpointOptions Scheduler(EndpointConfig endpoint) =>
        new WorkerApiEndpointOptions(Endpoint(endpoint));

    public static GrpcStoreOptions Store(NativeLinkConfig config, GrpcStore store) => new()
    {
        InstanceName = store.InstanceName,
        Endpoints = [.. store.Endpoints.Select(Endpoint)],
        ConnectionsPerEndpoint = store.ConnectionsPerEndpoint,
        MaxConcurrentRequests = store.MaxConcurrentRequests,
        RpcTimeout = Bounded(store.RpcTimeout),
        Retry = new RetryOptions(store.Retry.MaxRetries, Bounded(store.Retry.Delay), store.Retry.Jitter)
        {
            RetryOn = Codes(store.Retry.RetryOn),
        },
        UseLegacyResourceNames = store.UseLegacyResourceNames,
        Headers = store.Headers,
        Compression = config.Compresses(store),
    };

    public static ContentStoreOptions LocalStore(FilesystemStore store) => new(store.ContentPath, store.TempPath)
    {
        MaxBytes = store.Eviction.MaxBytes,
        EvictBytes = store.Eviction.EvictBytes,
        MaxCount = store.Eviction.MaxCount,
        MaxAge = store.Eviction.MaxAge,
        BlockSize = store.BlockSize,
        EvictPageCache = store.EvictPageCache,
    };

    public static ResultStrategy Strategy(UploadStrategy strategy) => strategy switch
    {
        UploadStrategy.SuccessOnly => ResultStrategy.SuccessOnly,
        UploadStrategy.FailuresOnly => ResultStrategy.FailuresOnly,
        UploadStrategy.Everything => ResultStrategy.Everything,
        _ => ResultStrategy.Never,
    };

    /// <summary>The <c>grpc</c> schemes are names for HTTP/2 with and without TLS.</summary>
    private static Uri Dialled(Uri uri)
    {
        var scheme = uri.Scheme is "grpcs" or "https" ? "https" : "http";
        var port = uri.IsDefaultPort || uri.Port < 0 ? (scheme == "https" ? 443 : 80) : uri.Port;
        return new UriBuilder(scheme, uri.Host, port, uri.AbsolutePath).Uri;
    }

    private static ImmutableArray<StatusCode> Codes(ImmutableArray<string> names) =>
        [.. names.Select(Enum.Parse<StatusCode>)];
}
