namespace NativeLink.Actors.Storage.Trees;

/// <summary>
/// Where a tree's parts come from when they are not here yet. The
/// worker's download room implements it; this room only asks.
/// </summary>
internal interface ITreeSource
{
    /// <summary>
    /// Directory messages by digest. The answer holds every directory asked for; it may hold more
    /// (descendants that came along). Callers ask level by level or for a root alone.
    /// </summary>
    /// <param name="isCold">Says of a directory that was asked for whether all below it is likely
    /// to be needed too, so that it may come along.</param>
    /// <exception cref="FaultException">Missing: with every digest that the CAS lacks. Action: a
    /// message that does not parse or is too large.</exception>
    Task<IReadOnlyDictionary<Digest, Reapi.Directory>> GetDirectoriesAsync(
        IReadOnlyCollection<Digest> directories, Func<Digest, Reapi.Directory, bool> isCold,
        CancellationToken cancellation);

    /// <summary>
    /// Brings blobs into the content store and leases them there; each digest is fetched once
    /// however many callers want it at a time. Disposing the result ends the leases.
    /// </summary>
    /// <exception cref="FaultException">Missing: with every digest that the CAS lacks.</exception>
    Task<IDisposable> FetchAsync(IReadOnlyCollection<Digest> files, CancellationToken cancellation);
}
