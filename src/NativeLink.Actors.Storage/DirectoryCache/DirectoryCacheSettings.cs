using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Storage.DirectoryCache;

/// <summary>
/// The cache of input trees and the making of input
/// roots (protos/README.md 5.3, <c>directory_cache</c>).
/// </summary>
/// <param name="Root">Absolute path of the cache, on the content store's file system where
/// possible: trees are made of links to its files.</param>
/// <param name="UpperDirectoryRoot">Absolute path of a directory of this process's own, on the
/// file system of the actions: what actions write goes here while they run, or on a tmpfs mounted
/// here. <see cref="WorkDirectories.WorkDirectory.UpperDirectoryRoot"/> is meant for it.</param>
internal sealed record DirectoryCacheSettings(string Root, string UpperDirectoryRoot)
{
    /// <summary>Trees kept; 0 is like 1.</summary>
    public int MaxEntries { get; init; } = 1000;

    /// <summary>Bytes of the files in the trees kept, each file counted once a tree; 0 is no limit.</summary>
    public long MaxSizeBytes { get; init; } = 10L << 30;

    /// <summary>Null: chosen by trying; else <c>overlay</c>, <c>reflink</c>, <c>hardlink</c> or <c>copy</c>.</summary>
    public string? ForcedMaterialiser { get; init; }

    /// <summary>
    /// Memory that what actions write may take in all before further actions write to disk. Those
    /// that were started before may take more: twice as much, or half of the machine's memory, and
    /// beyond that whatever the machine has left but a tenth. Null: a quarter of the machine's
    /// memory, or nothing where that is little; 0: always write to disk.
    /// </summary>
    public long? ScratchMemoryBytes { get; init; }

    /// <summary>
    /// How long a new root waits for the deletion of old ones when too many wait for it
    /// (<c>max_cleanup_wait_s</c>).
    /// </summary>
    public TimeSpan MaxCleanupWait { get; init; } = TimeSpan.FromSeconds(30);

    public TreeLimits Limits { get; init; } = new();

    /// <summary>Hears one sentence about each thing that was found wrong and dealt with.</summary>
    public Action<string>? OnWarning { get; init; }

    /// <summary>For tests: bytes at which the tmpfs is full for good.</summary>
    internal long? ScratchMemoryLimit { get; init; }

    /// <summary>For tests: bytes that the tmpfs has at first.</summary>
    internal long? ScratchMemoryStart { get; init; }

    /// <summary>For tests: bytes of memory that the machine has.</summary>
    internal long? MachineMemory { get; init; }

    /// <summary>For tests: bytes of memory that the machine has left.</summary>
    internal Func<long>? AvailableMemory { get; init; }
}
