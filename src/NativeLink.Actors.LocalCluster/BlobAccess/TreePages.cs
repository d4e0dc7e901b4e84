using System.Globalization;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Requests;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster.BlobAccess;

/// <summary>
/// A directory and all below it that is here, breadth first, repeated ones once, in pages (REAPI
/// <c>GetTree</c>). A token is the digest of the page's first directory as <c>{hash}-{size}</c>;
/// each page walks again from the root, so that no state is kept between calls.
/// </summary>
internal sealed class TreePages(ContentStore store, Digest root)
{
    /// <summary>A message is closed at this size: clients take 4 MiB.</summary>
    private const int MaxResponseBytes = 2 << 20;

    /// <param name="pageSize">Directories of the one page wanted; 0 is all of them, in as many
    /// messages as their size needs.</param>
    /// <param name="token">Where to begin; empty: at the root.</param>
    /// <exception cref="RpcException">NOT_FOUND: the root is not in the CAS or not a Directory;
    /// INVALID_ARGUMENT: no such token.</exception>
    public IEnumerable<Reapi.GetTreeResponse> Read(int pageSize, string token)
    {
        var page = new Reapi.GetTreeResponse();
        var (bytes, started) = (0, token.Length == 0);
        foreach (var (digest, found) in Walk(store, root))
        {
            if (found is not { } directory)
            {
                if (digest == root)
                    throw RequestChecks.NotFound(
                        $"directory {root}, the root of the tree, is not in the CAS, or is not a Directory message");
                continue;
            }
            started = started || TokenOf(digest) == token;
            if (!started)
                continue;
            if (pageSize > 0 && (page.Directories.Count == pageSize
                || (bytes > 0 && bytes + digest.SizeBytes > MaxResponseBytes)))
            {
                page.NextPageToken = TokenOf(digest);
                yield return page;
                yield break;
            }
            if (bytes > 0 && bytes + digest.SizeBytes > MaxResponseBytes)
            {
                page.NextPageToken = TokenOf(digest);
                yield return page;
                (page, bytes) = (new Reapi.GetTreeResponse(), 0);
            }
            page.Directories.Add(directory);
            bytes += (int)digest.SizeBytes;
        }
        if (!started)
            throw RequestChecks.Invalid($"page_token '{token}' is not one of the tree {root}");
        yield return page;
    }

    /// <summary>
    /// Every directory of the tree once, breadth first; null for
    /// one that is not in the CAS or not a Directory message.
    /// </summary>
    public static IEnumerable<(Digest Digest, Reapi.Directory? Directory)> Walk(ContentStore store, Digest root)
    {
        var seen = new HashSet<Digest> { root };
        var queue = new Queue<Digest>(seen);
        while (queue.TryDequeue(out var digest))
        {
            var directory = BlobReads.TryReadMessage(store, digest, Reapi.Directory.Parser);
            yield return (digest, directory);
            foreach (var child in directory?.Directories ?? [])
            {
                var below = RequestChecks.Digest(child.Digest, root.Function, $"directory '{child.Name}'");
                if (seen.Add(below))
                    queue.Enqueue(below);
            }
        }
    }

    private static string TokenOf(in Digest digest) =>
        string.Create(CultureInfo.InvariantCulture, $"{digest.Hash}-{digest.SizeBytes}");
}
