using System.Diagnostics;
using System.Globalization;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Hashing;

namespace NativeLink.Actors.Storage.Tests;

/// <summary>
/// What it costs to keep huge blobs out of the page cache: 1 GiB stored by the store, and the same
/// work with its pages left alone.
/// </summary>
internal static class HugeBlobs
{
    private const int Piece = 1 << 20;
    private const long Size = 1L << 30;
    private const int Rounds = 3;

    public static void Measure(string directory)
    {
        var content = Blobs.Numbered(1, Piece);
        var digest = DigestOf(content);
        using var store = ContentStore.Open(new ContentStoreOptions(
            Path.Combine(directory, "content"), Path.Combine(directory, "temp")), TimeProvider.System);
        for (var round = 0; round < Rounds; round++)
        {
            Show("stored", () => Store(store, digest, content));
            Show("hashed, pages dropped", () => FileHasher.Hash(store.Links.PathOf(digest), DigestFunction.Sha256));
            store.Delete(digest);
            var plain = Path.Combine(directory, "plain");
            Show("written and hashed, pages left", () => Write(plain, content));
            File.Delete(plain);
        }
    }

    private static Digest DigestOf(byte[] content)
    {
        using var hasher = BlobHasher.Create(DigestFunction.Sha256);
        for (long at = 0; at < Size; at += content.Length)
            hasher.Append(content);
        return hasher.Finish();
    }

    private static void Store(ContentStore store, Digest digest, byte[] content)
    {
        using var writer = store.BeginWrite(digest);
        for (long at = 0; at < Size; at += content.Length)
            writer.Append(content);
        writer.Commit();
    }

    /// <summary>As the store's writer does it: hashed by another thread meanwhile.</summary>
    private static void Write(string path, byte[] content)
    {
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
        using var hasher = BlobHasher.Create(DigestFunction.Sha256);
        for (long at = 0; at < Size; at += content.Length)
        {
            var hashing = Task.Run(() => hasher.Append(content));
            RandomAccess.Write(file, content, at);
            hashing.GetAwaiter().GetResult();
        }
    }

    private static void Show(string what, Action work)
    {
        var (before, start) = (CachedMegabytes(), Stopwatch.GetTimestamp());
        work();
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Console.WriteLine(
            $"{what}: {Size / seconds / 1e9:F2} GB/s, page cache {CachedMegabytes() - before:+0;-0;0} MB");
    }

    private static long CachedMegabytes()
    {
        var line = File.ReadLines("/proc/meminfo")
            .Single(static line => line.StartsWith("Cached:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture)
            / 1024;
    }
}
