using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace NativeLink.Actors.Worker.Telemetry;

/// <summary>What a host keeps on this machine at a moment.</summary>
/// <param name="Materialiser">How it makes input roots: <c>overlay</c>, <c>reflink</c>,
/// <c>hardlink</c> or <c>copy</c>.</param>
/// <param name="Builds">Trees built for the directory cache since the start, by kind.</param>
internal sealed record StorageState(
    string Materialiser,
    (long Bytes, long Count) Store,
    (long Bytes, long Count) DirectoryCache,
    (long Whole, long Deltas, long Damaged) Builds,
    long ScratchMemory,
    long DeletionBacklog);

/// <summary>
/// The instruments of meter <c>NativeLink.Actors.Worker</c> that are read when somebody looks: sums
/// over the hosts of this process.
/// </summary>
internal static class StorageMetrics
{
    private static readonly Meter Meter = new(WorkerMetrics.MeterName);
    private static readonly ConcurrentDictionary<Func<StorageState>, byte> Hosts = new();

    static StorageMetrics()
    {
        Meter.CreateObservableGauge("nativelink.worker.materialiser", Materialisers, "{host}",
            "1 for the way in which input roots are made, which is its label.");
        Gauge("nativelink.worker.store.size", "By", "Bytes in the local store.", static state => state.Store.Bytes);
        Gauge("nativelink.worker.store.blobs", "{blob}", "Blobs in the local store.",
            static state => state.Store.Count);
        Gauge("nativelink.worker.directory_cache.size", "By",
            "Bytes of the files in cached trees, each counted once a tree.",
            static state => state.DirectoryCache.Bytes);
        Gauge("nativelink.worker.directory_cache.trees", "{tree}", "Trees in the directory cache.",
            static state => state.DirectoryCache.Count);
        Gauge("nativelink.worker.scratch_memory.size", "By", "Memory that what running actions have written takes.",
            static state => state.ScratchMemory);
        Gauge("nativelink.worker.deletion.backlog", "{tree}", "Trees that wait to be deleted.",
            static state => state.DeletionBacklog);
        Meter.CreateObservableCounter("nativelink.worker.directory_cache.builds", Builds, "{tree}",
            "Trees built for the directory cache, by kind; damaged ones are built again.");
    }

    /// <summary>Counts a host in until the answer is disposed.</summary>
    public static IDisposable Observe(Func<StorageState> host)
    {
        Hosts.TryAdd(host, 0);
        return new Observation(host);
    }

    private static void Gauge(string name, string unit, string description, Func<StorageState, long> value) =>
        Meter.CreateObservableGauge(name, () => Hosts.Keys.Sum(host => value(host())), unit, description);

    private static IEnumerable<Measurement<long>> Materialisers() => Hosts.Keys
        .GroupBy(static host => host().Materialiser)
        .Select(static group => new Measurement<long>(
            group.Count(), new KeyValuePair<string, object?>("materialiser", group.Key)));

    private static IEnumerable<Measurement<long>> Builds()
    {
        var builds = Hosts.Keys.Select(static host => host().Builds).ToList();
        yield return Of("whole", builds.Sum(static all => all.Whole));
        yield return Of("delta", builds.Sum(static all => all.Deltas));
        yield return Of("damaged", builds.Sum(static all => all.Damaged));
    }

    private static Measurement<long> Of(string kind, long value) =>
        new(value, new KeyValuePair<string, object?>("kind", kind));

    private sealed class Observation(Func<StorageState> host) : IDisposable
    {
        public void Dispose() => Hosts.TryRemove(host, out _);
    }
}
