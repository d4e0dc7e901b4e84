using NativeLink.Actors.Worker.Transfers;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>
/// What whoever makes an input root asks of the downloader. Each
/// request has a promise, which the downloader keeps exactly once, also
/// when it fails or is stopped; what comes too late for it is released.
/// </summary>
internal static class FetchProtocol
{
    /// <summary>
    /// Bring these files into the store, each once however
    /// many want it; the answer leases them there.
    /// </summary>
    /// <param name="Arrivals">What <see cref="ArrivalCount"/> was before they were looked for in the store.</param>
    public sealed record FetchFiles(
        IReadOnlyCollection<Digest> Files, long Arrivals, Promise<Leases> Answer) : IPromised
    {
        public void Break(Fault fault) => Answer.Break(fault);
    }

    /// <summary>Bring these Directory messages.</summary>
    public sealed record FetchDirectories(
        IReadOnlyCollection<Digest> Directories, Promise<FetchedDirectories> Answer) : IPromised
    {
        public void Break(Fault fault) => Answer.Break(fault);
    }

    /// <summary>Directories that came along unasked, each under the digest of its own bytes.</summary>
    public sealed record RememberDirectories(IReadOnlyDictionary<Digest, Reapi.Directory> Directories);
}

/// <param name="Directories">All that were asked for.</param>
/// <param name="Cold">Those none of whose children is known.</param>
internal sealed record FetchedDirectories(Dictionary<Digest, Reapi.Directory> Directories, List<Digest> Cold);

/// <summary>
/// How many blobs have landed: who finds it unchanged since it last looked into the store need not
/// look again. Safe for several threads.
/// </summary>
internal sealed class ArrivalCount
{
    private long _count;

    public long Now => Volatile.Read(ref _count);

    public void Add(int arrivals) => Interlocked.Add(ref _count, arrivals);
}
