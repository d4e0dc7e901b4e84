using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Storage.Materialisers;

/// <summary>
/// An input root on disk, private to one action. Disposing it unmounts, renames the rest away and
/// lets it be deleted in the background.
/// </summary>
internal interface IInputRoot : IDisposable
{
    /// <summary>Absolute path of the directory in which the action runs.</summary>
    string Path { get; }

    /// <summary>What was used: <c>overlay</c>, <c>reflink</c>, <c>hardlink</c> or <c>copy</c>.</summary>
    string Materialiser { get; }

    /// <summary>Whether the whole tree was cached, so that nothing had to be fetched or linked.</summary>
    bool Cached { get; }

    /// <summary>
    /// Bytes of the files of the tree, those of cached ones too; a tree that shares most of its
    /// files with a cached one may count some twice.
    /// </summary>
    long Bytes { get; }

    /// <summary>
    /// Where a regular file at this path (absolute, below <see cref="Path"/>) can be moved from
    /// into the content store once no process of the action is left: it belongs to this action
    /// alone. Null when it has to be copied. Whoever moves it reads nothing more of it here.
    /// </summary>
    string? UpperLayerPath(string path);

    /// <summary>
    /// What the action may have run short of in here, through no fault of its own, and what to set
    /// about it, as one sentence; null: of nothing. Whatever it came to is not its result: a
    /// further attempt gets what this one lacked.
    /// </summary>
    string? OutOfSpaceReason => null;
}

/// <summary>Makes input roots: the directory cache with the materialiser that was chosen for this machine.</summary>
internal interface IInputRoots : IDisposable
{
    /// <summary>
    /// The tree below <paramref name="root"/> at <paramref name="destination"/>, which does not
    /// exist yet and whose parent does. O(1) for a cached tree; else the changed directories are
    /// asked from <paramref name="source"/>. Concurrent callers share one construction. Names are
    /// checked: empty, <c>.</c>, <c>..</c>, <c>/</c>, NUL and duplicates are refused, as are trees
    /// over the limits.
    /// </summary>
    /// <exception cref="FaultException">Action (bad tree), Missing (every blob that the CAS lacks),
    /// Storage (disk), Aborted (cancelled).</exception>
    Task<IInputRoot> MaterialiseAsync(
        Digest root, string destination, ITreeSource source, CancellationToken cancellation);

    /// <summary>
    /// Whether the whole tree is here, so that its making takes
    /// a moment; what is found damaged then is made anew.
    /// </summary>
    bool IsCached(in Digest root);

    /// <summary>One line for the log: which materialiser was chosen and why the faster ones were not.</summary>
    string Description { get; }
}
