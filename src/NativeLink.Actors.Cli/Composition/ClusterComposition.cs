using System.Collections.Immutable;
using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.LocalCluster;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>
/// From a file's <c>servers</c>, <c>schedulers</c> and <c>stores</c> to the local cluster's
/// options. What the file leaves out comes from the defaults.
/// </summary>
internal static class ClusterComposition
{
    private const long DefaultCasBytes = 50L << 30;

    public static ClusterPlan Compose(NativeLinkConfig config, ClusterSwitches switches)
    {
        var findings = new Findings();
        var defaults = new LocalClusterOptions { Cas = new ContentStoreOptions("", ""), ActionCachePath = "" };
        var client = ClientServer(config, findings);
        var workerApi = OnlyServer(config, services => services.WorkerApi is not null, "worker_api", findings);
        var (cas, casStore) = Cas(config, switches, findings);
        var (actionCachePath, actionCacheEntries, cacheStore) = ActionCache(config, switches, defaults, findings);
        var services = config.Servers.Select(server => server.Services).ToList();
        var options = new LocalClusterOptions
        {
            Listen = switches.Listen ?? client?.Address ?? defaults.Listen,
            WorkerApiListen = switches.WorkerApiListen ?? workerApi?.Address ?? defaults.WorkerApiListen,
            Cas = cas,
            KeepFor = switches.KeepFor ?? defaults.KeepFor,
            ActionCachePath = actionCachePath,
            ActionCacheMaxEntries = actionCacheEntries,
            Instances = Instances(services),
            ExecutionInstances = ClusterProtections.Executing(config),
            ReadOnlyActionCaches = ClusterProtections.ReadOnlyActionCaches(config, findings),
            ServesWorkerApi = config.Servers.IsEmpty || workerApi is not null || switches.WorkerApiListen is not null,
            Scheduler = SchedulerComposition.Compose(config, workerApi?.Services.WorkerApi, findings),
            Compression = services.All(service => service.Capabilities.IsEmpty)
                || services.Any(service => service.Capabilities.Any(offer => offer.RemoteCacheCompression)),
            MaxMessageBytes = (int)Math.Clamp(client?.MaxDecodingMessageSize ?? defaults.MaxMessageBytes, 64 << 10,
                int.MaxValue),
            PartialUploadLifetime = services.SelectMany(service => service.ByteStream)
                .Select(stream => Endpoints.Bounded(stream.PersistTimeout))
                .DefaultIfEmpty(defaults.PartialUploadLifetime).Max(),
        };
        if (client is not null && options.MaxMessageBytes < options.MaxBatchTotalSizeBytes + 65_536)
            options = options with
            {
                MaxBatchTotalSizeBytes = Math.Max(options.MaxMessageBytes / 2, options.MaxMessageBytes - 65_536),
            };
        ClusterProtections.Check(config, options.Listen, findings);
        return new ClusterPlan
        {
            Options = findings.Failed ? null : options,
            Cas = casStore,
            ActionCache = cacheStore,
            ActionCacheInstance = services.SelectMany(service => service.ActionCache)
                .Select(cache => cache.InstanceName).FirstOrDefault("") ?? "",
            Errors = findings.Errors,
            Notes = findings.Notes,
        };
    }

    /// <summary>The listener for clients: the one with execution, else the one with the CAS.</summary>
    private static ServerConfig? ClientServer(NativeLinkConfig config, Findings findings)
    {
        var client = OnlyServer(config, services => !services.Execution.IsEmpty, "execution", findings)
            ?? OnlyServer(config, services => !services.Cas.IsEmpty, "cas", findings);
        foreach (var other in config.Servers.Where(server => !ReferenceEquals(server, client)
            && !(server.Services.Cas.IsEmpty && server.Services.ByteStream.IsEmpty
                && server.Services.ActionCache.IsEmpty)))
            findings.Note(
                other.At,
                $"the local cluster serves clients on one address: this listener, {other.Address}, is left out, " +
                $"and everything is at {client?.Address}");
        return client;
    }

    private static ServerConfig? OnlyServer(
        NativeLinkConfig config, Func<ServicesConfig, bool> serves, string service, Findings findings)
    {
        var servers = config.Servers.Where(server => serves(server.Services)).ToList();
        if (servers.Count == 0)
            return null;
        foreach (var extra in servers.Skip(1))
            findings.Note(
                extra.At, $"'{service}' is served on another listener already: this one, {extra.Address}, is left out");
        if (servers[0].HasTls)
            findings.Error(
                servers[0].At,
                "a listener with 'tls' is known but not supported by the local cluster: " +
                "remove 'tls' and listen on loopback");
        return servers[0];
    }

    private static ImmutableArray<string> Instances(List<ServicesConfig> services) =>
    [
        .. services.SelectMany(service => service.Cas.Concat(service.ActionCache).Concat(service.ByteStream)
            .Select(store => store.InstanceName)
            .Concat(service.Execution.Select(execution => execution.InstanceName))
            .Concat(service.Capabilities.Select(capabilities => capabilities.InstanceName))).Distinct(),
    ];

    private static (ContentStoreOptions Options, StoreConfig? Store) Cas(
        NativeLinkConfig config, ClusterSwitches switches, Findings findings)
    {
        var missing = new ContentStoreOptions(Path.Combine(switches.DataDirectory, "cas"),
            Path.Combine(switches.DataDirectory, "cas-temp"))
        { MaxBytes = DefaultCasBytes };
        var services = config.Servers.SelectMany(server => server.Services.Cas.Concat(server.Services.ByteStream)
            .Select(service => (service.At, service.Store))
            .Concat(server.Services.Execution.Select(execution => (execution.At, Store: execution.CasStore))));
        if (Served(config, services, "CAS", findings) is not { } served)
            return (missing, null);
        switch (served.Store)
        {
            case FilesystemStore directory:
                return (Endpoints.LocalStore(directory), directory);
            case MemoryStore memory:
                findings.Note(StoreGraph.Place(memory, served.At),
                    $"a 'memory' store is kept on disk here, in {missing.ContentPath}, with its limits");
                return (missing with
                {
                    MaxBytes = memory.Eviction.MaxBytes,
                    EvictBytes = memory.Eviction.EvictBytes,
                    MaxCount = memory.Eviction.MaxCount,
                    MaxAge = memory.Eviction.MaxAge,
                }, memory);
            default:
                RefuseServing(served.Store, served.At, "CAS", findings);
                return (missing, served.Store);
        }
    }

    private static (string Path, long MaxEntries, StoreConfig? Store) ActionCache(
        NativeLinkConfig config, ClusterSwitches switches, LocalClusterOptions defaults, Findings findings)
    {
        var missing = Path.Combine(switches.DataDirectory, "ac");
        var services = config.Servers.SelectMany(server => server.Services.ActionCache)
            .Select(service => (service.At, service.Store));
        if (Served(config, services, "action cache", findings) is not { } served)
            return (missing, defaults.ActionCacheMaxEntries, null);
        switch (served.Store)
        {
            case FilesystemStore directory:
                return (directory.ContentPath, Entries(directory.Eviction), directory);
            case MemoryStore memory:
                findings.Note(StoreGraph.Place(memory, served.At),
                    $"a 'memory' store is kept on disk here, in {missing}");
                return (missing, Entries(memory.Eviction), memory);
            default:
                RefuseServing(served.Store, served.At, "action cache", findings);
                return (missing, defaults.ActionCacheMaxEntries, served.Store);
        }
    }

    /// <summary>
    /// Entries are counted, not weighed: an entry takes
    /// one block of the file system, 4 KiB, on disk.
    /// </summary>
    private static long Entries(EvictionPolicy eviction) =>
        eviction.MaxCount > 0 ? eviction.MaxCount : eviction.MaxBytes > 0 ? Math.Max(1, eviction.MaxBytes / 4096) : 0;

    /// <summary>The one store that services of a kind lead to; null when there is none, or after an error.</summary>
    private static (StoreConfig Store, ConfigPlace At)? Served(
        NativeLinkConfig config, IEnumerable<(ConfigPlace At, string Store)> services, string what, Findings findings)
    {
        (StoreConfig Store, ConfigPlace At, string Name)? first = null;
        foreach (var (at, name) in services)
        {
            if (config.FindStore(name) is not { } named)
            {
                findings.Error(
                    at, $"there is no store named '{name}', which is to be served as {what}: add it to 'stores'");
                continue;
            }

            if (StoreGraph.Terminal(config, named.Store, at, findings) is not { } store)
                continue;
            if (first is null)
                first = (store, at, name);
            else if (!StoreGraph.SameStore(first.Value.Store, store))
                findings.Error(
                    at,
                    $"'{first.Value.Name}' is served as {what} already, and '{name}' is another store: " +
                    $"the local cluster has one {what} for all instances");
        }

        return first is { } found ? (found.Store, found.At) : null;
    }

    private static void RefuseServing(StoreConfig store, ConfigPlace at, string what, Findings findings) =>
        findings.Error(StoreGraph.Place(store, at), store is GrpcStore grpc
            ? $"the {what} to be served is at {grpc.Endpoints[0].Uri}: the local cluster keeps it on this disk, " +
                "so write a 'filesystem' store, or let clients use that server"
            : $"a '{store.Type}' store cannot be served as {what}: write a 'filesystem' store");
}
