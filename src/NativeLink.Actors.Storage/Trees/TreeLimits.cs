namespace NativeLink.Actors.Storage.Trees;

/// <summary>Bounds of an input tree; one that is above any of them is the action's fault.</summary>
internal sealed record TreeLimits
{
    /// <summary>
    /// Directories one in another. What comes out has a bound of its own (DeepestLevel in
    /// Worker/Outputs/OutputWalk.cs).
    /// </summary>
    public int MaxDepth { get; init; } = 1000;

    /// <summary>Files, directories and symbolic links, repeated directories as often as they appear.</summary>
    public long MaxEntries { get; init; } = 2_000_000;

    public long MaxBytes { get; init; } = 16L << 40;

    /// <summary>
    /// Bytes of a path below the root: PATH_MAX of limits.h with its NUL. A longer one could be
    /// made step by step, but nobody could look at it again.
    /// </summary>
    public long MaxPath { get; init; } = 4095;

    /// <summary>Bytes of the paths of all directories together, which a cached tree's record holds.</summary>
    public long MaxPathBytes { get; init; } = 64L << 20;
}
