using Akka.Actor;
using Google.Protobuf;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Trees;
using NativeLink.Actors.Worker.Transfers;
using static NativeLink.Actors.Worker.Inputs.FetchProtocol;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>What the makers of input roots ask, put to the downloader. Safe for several threads.</summary>
internal sealed class DownloaderSource(
    IActorRef downloader, ICasClient cas, ILocalStore store, ArrivalCount arrivals) : ITreeSource
{
    /// <summary>More directories than this are read level by level rather than tree by tree.</summary>
    private const int TreesAtOnce = 8;

    /// <summary>
    /// A blob may be evicted between its arrival and its lease when the store is too small; then it
    /// is fetched again, so many times.
    /// </summary>
    private const int Rounds = 4;

    public async Task<IReadOnlyDictionary<Digest, Reapi.Directory>> GetDirectoriesAsync(
        IReadOnlyCollection<Digest> directories, Func<Digest, Reapi.Directory, bool> isCold,
        CancellationToken cancellation)
    {
        // The caller's collection may change before the downloader reads it.
        var fetched = await AskAsync<FetchedDirectories>(
            answer => new FetchDirectories([.. directories], answer), cancellation);
        var cold = fetched.Cold.Where(digest => isCold(digest, fetched.Directories[digest])).ToList();
        if (cold.Count is 0 or > TreesAtOnce)
            return fetched.Directories;
        foreach (var tree in await Task.WhenAll(cold.Select(root => TreeAsync(root, cancellation))))
        {
            foreach (var (digest, directory) in tree)
                fetched.Directories.TryAdd(digest, directory);
        }
        return fetched.Directories;
    }

    public async Task<IDisposable> FetchAsync(IReadOnlyCollection<Digest> files, CancellationToken cancellation)
    {
        var all = new Leases();
        try
        {
            IReadOnlyCollection<Digest> wanted = files.Where(static digest => !digest.IsEmpty).ToHashSet();
            for (var round = 0; round < Rounds; round++)
            {
                var landed = arrivals.Now;
                all.Add(store.LeaseAll(wanted, out var missing));
                if (missing.Count == 0)
                    return all;
                all.Add(await AskAsync<Leases>(answer => new FetchFiles(missing, landed, answer), cancellation));
                // Leased by now, but what was evicted before it could be.
                wanted = missing;
            }
            throw new FaultException(
                FaultKind.Storage,
                $"blob {wanted.First()} was evicted from the local store {Rounds} times before it could be used: " +
                "raise max_bytes or max_count");
        }
        catch
        {
            all.Dispose();
            throw;
        }
    }

    private Task<T> AskAsync<T>(Func<Promise<T>, object> request, CancellationToken cancellation)
    {
        var answer = new Promise<T>();
        downloader.Tell(request(answer));
        return answer.WaitAsync(() => downloader.Tell(new GiveUp(answer)), cancellation);
    }

    /// <summary>
    /// What GetTree brings, each message under the digest
    /// of its own bytes; empty when it does not help.
    /// </summary>
    private async Task<Dictionary<Digest, Reapi.Directory>> TreeAsync(Digest root, CancellationToken cancellation)
    {
        var tree = new Dictionary<Digest, Reapi.Directory>();
        try
        {
            foreach (var directory in await cas.GetTreeAsync(root, cancellation) ?? [])
                tree.TryAdd(BlobHasher.Compute(directory.ToByteArray(), root.Function), directory);
            downloader.Tell(new RememberDirectories(tree));
        }
        catch (FaultException)
        {
            // Level by level says exactly what is missing, and needs nothing that a failed GetTree had.
        }
        return tree;
    }
}
