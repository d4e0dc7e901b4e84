using System.Collections.Immutable;

namespace NativeLink.Actors.Configuration.Model;

// The kinds of stores are one closed family: they are read together and matched together, so they stand in one file.

/// <summary>A store with the name it is referred to by.</summary>
internal sealed record NamedStore(string Name, StoreConfig Store) : ConfigItem;

/// <summary>A store (protos/README.md 5.4).</summary>
/// <param name="Type">Its key in the file, for example <c>fast_slow</c>.</param>
internal abstract record StoreConfig(string Type) : ConfigItem
{
    /// <summary>The stores inside this one, as written.</summary>
    public virtual IEnumerable<StoreConfig> Inner => [];
}

/// <summary>When blobs go, least recently used first; 0 switches a limit off.</summary>
internal sealed record EvictionPolicy(
    long MaxBytes = 0, long EvictBytes = 0, TimeSpan MaxAge = default, long MaxCount = 0)
{
    public static EvictionPolicy None { get; } = new();
}

internal sealed record FilesystemStore(string ContentPath, string TempPath) : StoreConfig("filesystem")
{
    public EvictionPolicy Eviction { get; init; } = EvictionPolicy.None;

    public long BlockSize { get; init; }

    public bool EvictPageCache { get; init; }
}

internal sealed record MemoryStore(EvictionPolicy Eviction) : StoreConfig("memory");

internal enum StoreDirection
{
    Both,

    /// <summary>Only filled by writes.</summary>
    Update,

    /// <summary>Only filled by reads.</summary>
    Get,
    ReadOnly,
}

internal sealed record FastSlowStore(StoreConfig Fast, StoreConfig Slow) : StoreConfig("fast_slow")
{
    public StoreDirection FastDirection { get; init; }

    public StoreDirection SlowDirection { get; init; }

    public override IEnumerable<StoreConfig> Inner => [Fast, Slow];
}

internal sealed record RefStore(string Name) : StoreConfig("ref_store");

internal sealed record NoopStore() : StoreConfig("noop");

internal sealed record VerifyStore(StoreConfig Backend, bool VerifySize, bool VerifyHash) : StoreConfig("verify")
{
    public override IEnumerable<StoreConfig> Inner => [Backend];
}

/// <summary>
/// A store that adds something to one backend which makes no difference to whoever reads and writes through it:
/// <c>existence_cache</c>, <c>compression</c>, <c>cache_metrics</c>, <c>completeness_checking</c>, <c>dedup</c>.
/// </summary>
/// <param name="Second">The second store, where there is one: the CAS of
/// <c>completeness_checking</c>, the index of <c>dedup</c>.</param>
internal sealed record WrapperStore(string Type, StoreConfig Backend, StoreConfig? Second = null) : StoreConfig(Type)
{
    public override IEnumerable<StoreConfig> Inner => Second is null ? [Backend] : [Backend, Second];
}

/// <param name="Size">Blobs below this go to <paramref name="Lower"/>.</param>
internal sealed record SizePartitioningStore(
    long Size, StoreConfig Lower, StoreConfig Upper) : StoreConfig("size_partitioning")
{
    public override IEnumerable<StoreConfig> Inner => [Lower, Upper];
}

internal sealed record ShardStore(ImmutableArray<StoreConfig> Shards) : StoreConfig("shard")
{
    public override IEnumerable<StoreConfig> Inner => Shards;
}

/// <summary>A store of NativeLink's that this program knows by name alone: its settings are not read.</summary>
internal sealed record ForeignStore(string Type) : StoreConfig(Type)
{
    /// <summary>
    /// Stands for a store with a mistake in it while the rest
    /// is checked; never in a model that the loader hands out.
    /// </summary>
    internal static ForeignStore Unreadable { get; } = new("");
}
