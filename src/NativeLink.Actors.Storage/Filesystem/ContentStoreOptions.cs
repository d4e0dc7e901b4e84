namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// Where a content store keeps its blobs, and how much it may keep (protos/README.md 5.4,
/// <c>filesystem</c> and <c>eviction_policy</c>).
/// </summary>
/// <param name="ContentPath">Absolute path; blobs are <c>{ContentPath}/d/{hash}-{size}</c>,
/// executable copies <c>{ContentPath}.exec/d/{hash}-{size}</c>.</param>
/// <param name="TempPath">Absolute path on the same file system, for files being written.</param>
public sealed record ContentStoreOptions(string ContentPath, string TempPath)
{
    /// <summary>Least recently used blobs go when this many bytes are exceeded; 0 is no limit.</summary>
    public long MaxBytes { get; init; }

    /// <summary>When the limit is hit, evict down to MaxBytes − EvictBytes.</summary>
    public long EvictBytes { get; init; }

    /// <summary>Largest number of blobs; 0 is no limit.</summary>
    public long MaxCount { get; init; }

    /// <summary>Blobs not used for so long go; zero is no limit.</summary>
    public TimeSpan MaxAge { get; init; }

    /// <summary>
    /// Refuse a blob that could not stay even if it were alone, instead of evicting everything for
    /// it. For a CAS: a cache of one takes in whatever is leased.
    /// </summary>
    public bool RefusesTooLarge { get; init; }

    /// <summary>Sizes are accounted in multiples of this many bytes.</summary>
    public long BlockSize { get; init; } = 4096;

    /// <summary>
    /// What a client was told to be here is kept for so long after that
    /// while there is anything else to evict: clients keep digests only,
    /// and a blob that goes breaks their build. Zero is not at all.
    /// </summary>
    public TimeSpan VouchedFor { get; init; }

    /// <summary>
    /// Of blobs that a restart of the machine has left unverified, so many bytes are hashed when
    /// the store is opened, a second's work or less; the others before their first use.
    /// </summary>
    public long HashedAtOpenBytes { get; init; } = 256L << 20;

    /// <summary>
    /// How long another process that evicts is waited for; it
    /// has been stopped then, or its disk does not answer.
    /// </summary>
    public TimeSpan LockPatience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Drop written blobs from the page cache.</summary>
    public bool EvictPageCache { get; init; }

    /// <summary>
    /// Hears one sentence about each thing that was found wrong and dealt with: a torn blob, a time
    /// in the future, a quarantined file.
    /// </summary>
    public Action<string>? OnWarning { get; init; }
}
