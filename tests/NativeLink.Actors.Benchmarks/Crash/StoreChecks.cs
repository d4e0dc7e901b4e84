using System.Globalization;
using Grpc.Net.Client;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Hashing;

namespace NativeLink.Actors.Benchmarks.Crash;

/// <summary>What must hold of a store after a restart; each throws when it does not.</summary>
internal static class StoreChecks
{
    /// <summary>Every blob on disk has the content that its name says, and none is half written.</summary>
    /// <returns>How many there are.</returns>
    public static int BlobsMatchTheirNames(string content)
    {
        var blobs = Directory.GetFiles(Blobs(content));
        foreach (var blob in blobs)
        {
            var digest = FileHasher.Hash(blob, DigestFunction.Sha256);
            Require(Name(digest.Hash, digest.SizeBytes) == Path.GetFileName(blob), $"{blob} hashes to {digest}");
        }
        return blobs.Length;
    }

    /// <summary>
    /// The index of a CAS that runs holds the blobs on disk and no others. A store that is asked
    /// for what it does not know looks on disk and takes it into its index, which hides that it was
    /// missing there: so the files are somewhere else while it is asked.
    /// </summary>
    public static async Task IndexOfRunningCasAsync(string address, string content, IReadOnlyCollection<Digest> known)
    {
        var (blobs, aside) = (Blobs(content), Directory.CreateDirectory(content + ".aside").FullName);
        var onDisk = Directory.GetFiles(blobs).Select(static file => Path.GetFileName(file)).ToHashSet();
        HashSet<string> missing;
        Move(onDisk, blobs, aside);
        try
        {
            missing = await MissingAsync(address, known.Select(static digest => (digest.Hash, digest.SizeBytes))
                .Concat(onDisk.Select(Split)).Distinct().Where(static digest => digest.SizeBytes > 0));
        }
        finally
        {
            Move(onDisk, aside, blobs);
            Directory.Delete(aside);
        }
        var unknown = onDisk.Where(missing.Contains).ToList();
        Require(unknown.Count == 0,
            $"{unknown.Count} blobs are on disk and not in the index, such as {unknown.FirstOrDefault()}");
        var vanished = known.Where(static digest => !digest.IsEmpty)
            .Select(static digest => Name(digest.Hash, digest.SizeBytes))
            .Where(name => !onDisk.Contains(name) && !missing.Contains(name)).ToList();
        Require(vanished.Count == 0,
            $"{vanished.Count} blobs are in the index and not on disk, such as {vanished.FirstOrDefault()}");
    }

    /// <summary>
    /// The index that a process makes when it opens this
    /// store holds the blobs on disk and no others.
    /// </summary>
    public static void IndexOfNewProcess(string content, string temp)
    {
        var onDisk = Directory.GetFiles(Blobs(content)).Select(static file => Path.GetFileName(file)).ToHashSet();
        using var store = ContentStore.Open(new ContentStoreOptions(content, temp), TimeProvider.System);
        var index = store.Digests.Select(static digest => Name(digest.Hash, digest.SizeBytes)).ToHashSet();
        Require(
            index.SetEquals(
                onDisk),
                $"the index has {index.Count} blobs, of which {index.Except(onDisk).Count()} are not on disk; " +
                $"the disk has {onDisk.Count}");
    }

    private static async Task<HashSet<string>> MissingAsync(
        string address, IEnumerable<(string Hash, long SizeBytes)> asked)
    {
        using var channel = GrpcChannel.ForAddress($"http://{address}");
        var cas = new Reapi.ContentAddressableStorage.ContentAddressableStorageClient(channel);
        var missing = new HashSet<string>();
        foreach (var chunk in asked.Chunk(5_000))
        {
            var request = new Reapi.FindMissingBlobsRequest();
            request.BlobDigests.Add(
                chunk.Select(static digest => new Reapi.Digest { Hash = digest.Hash, SizeBytes = digest.SizeBytes }));
            missing.UnionWith((await cas.FindMissingBlobsAsync(request)).MissingBlobDigests.Select(
                static digest => Name(digest.Hash, digest.SizeBytes)));
        }
        return missing;
    }

    private static void Move(IEnumerable<string> names, string from, string to)
    {
        foreach (var name in names)
            File.Move(Path.Combine(from, name), Path.Combine(to, name));
    }

    private static string Blobs(string content) => Path.Combine(content, "d");

    private static (string Hash, long SizeBytes) Split(string name) =>
        (name[..64], long.Parse(name.AsSpan(65), CultureInfo.InvariantCulture));

    private static string Name(string hash, long size) => string.Create(CultureInfo.InvariantCulture, $"{hash}-{size}");

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new InvalidOperationException(otherwise);
    }
}
