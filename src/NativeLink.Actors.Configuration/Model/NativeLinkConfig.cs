using System.Collections.Immutable;

namespace NativeLink.Actors.Configuration.Model;

internal enum HashFunction
{
    Sha256,
    Blake3,
}

/// <summary>A NativeLink configuration file, read and checked (protos/README.md 5.2).</summary>
internal sealed record NativeLinkConfig
{
    public ImmutableArray<NamedStore> Stores { get; init; } = [];

    public ImmutableArray<WorkerConfig> Workers { get; init; } = [];

    public ImmutableArray<NamedScheduler> Schedulers { get; init; } = [];

    public ImmutableArray<ServerConfig> Servers { get; init; } = [];

    public GlobalConfig? Global { get; init; }

    /// <summary>The file is in the short form: one worker, no servers.</summary>
    public bool IsFlatForm { get; init; }

    /// <summary>Some service or CAS store of the file switches zstd on.</summary>
    public bool CompressionIsEnabled { get; init; }

    /// <summary>The store of that name, or null.</summary>
    public NamedStore? FindStore(string name) => Stores.FirstOrDefault(store => store.Name == name);

    public NamedScheduler? FindScheduler(string name) => Schedulers.FirstOrDefault(scheduler => scheduler.Name == name);

    /// <summary>
    /// Follows <c>ref_store</c> until a real store is found.
    /// Null when a name is unknown or the references go round.
    /// </summary>
    public StoreConfig? Resolve(StoreConfig? store)
    {
        for (var steps = 0; store is RefStore reference; steps++)
        {
            if (steps > Stores.Length)
                return null;
            store = FindStore(reference.Name)?.Store;
        }

        return store;
    }

    /// <summary>
    /// Whether transfers of this store are compressed: its own word where it has one, else whether
    /// zstd is enabled anywhere else in the file (protos/README.md 5.5). Never for an action cache.
    /// </summary>
    public bool Compresses(GrpcStore store) => store.Kind == GrpcStoreKind.Cas
        && (store.RemoteCacheCompression ?? CompressionIsEnabled);
}

/// <summary>The <c>global</c> block.</summary>
internal sealed record GlobalConfig : ConfigItem
{
    public long MaxOpenFiles { get; init; }

    public HashFunction DefaultHashFunction { get; init; }

    public long HealthCheckSize { get; init; }
}
