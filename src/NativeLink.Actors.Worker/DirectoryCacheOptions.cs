namespace NativeLink.Actors.Worker;

/// <summary>The cache of input trees (protos/README.md 5.3, <c>directory_cache</c>), on by default here.</summary>
/// <param name="Root">Absolute path, on the file system of the local store where possible.</param>
public sealed record DirectoryCacheOptions(string Root)
{
    /// <summary>Trees kept, the least recently used go first; 0 is like 1.</summary>
    public int MaxEntries { get; init; } = 1000;

    /// <summary>0 is no limit.</summary>
    public long MaxSizeBytes { get; init; } = 10L << 30;

    /// <summary>
    /// Null: chosen at start by trying; else <c>overlay</c>,
    /// <c>reflink</c>, <c>hardlink</c> or <c>copy</c>.
    /// </summary>
    public string? ForcedMaterialiser { get; init; }

    /// <summary>
    /// Memory for what running actions write, before further ones
    /// write to disk; null: a quarter of the machine's, 0: none.
    /// </summary>
    public long? ScratchMemoryBytes { get; init; }
}
