using System.Diagnostics;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Hashing;

namespace NativeLink.Actors.Storage.Tests;

/// <summary>
/// Processes that use one store of a few blobs at once, so
/// that somebody evicts all the time; some of them get killed.
/// </summary>
internal static class SharedStore
{
    public const long MaxBytes = 2 << 20;
    private const int Contents = 150;
    private const int LargestContent = 40_000;

    // A quarter of the store at most: the rest is there to be evicted.
    private const int LeasesAtOnce = 6;

    /// <summary>
    /// The program of one process: works until its input ends, then says what it has; the code is 0
    /// when it never saw anything wrong.
    /// </summary>
    public static int Work(string directory, int seed)
    {
        using var store = Open(directory);
        // The console's own asynchronous reading is none.
        var end = Task.Factory.StartNew(Console.In.ReadLine, TaskCreationOptions.LongRunning);
        using var user = new User(store, Directory.CreateDirectory(
            Path.Combine(directory, $"links-{Environment.ProcessId}")).FullName, new Random(seed));
        for (var i = 0; !end.IsCompleted && user.Wrong is null; i++)
        {
            user.Step();
            if (i == 200)
                Console.WriteLine("working");
        }
        if (user.Wrong is { } wrong)
        {
            Console.WriteLine($"seed {seed}: {wrong}");
            return 1;
        }
        user.Dispose();
        if (end.Result == "compare")
            return Compare(store, directory);
        Console.WriteLine("stopped");
        return 0;
    }

    public static Process Start(string directory, int seed)
    {
        var dotnet = Environment.ProcessPath is { } path && Path.GetFileName(path) == "dotnet" ? path : "dotnet";
        var process = Process.Start(new ProcessStartInfo(
            dotnet, [typeof(SharedStore).Assembly.Location, "sharing-worker", directory, $"{seed}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        return process;
    }

    public static ContentStore Open(string directory) => ContentStore.Open(
        new ContentStoreOptions(Path.Combine(directory, "content"), Path.Combine(directory, "temp"))
        {
            MaxBytes = MaxBytes,
        }, TimeProvider.System);

    /// <summary>
    /// Alone by now: what it believes to be there is what
    /// is there, as soon as it had a reason to look.
    /// </summary>
    private static int Compare(ContentStore store, string directory)
    {
        for (var i = 0; i < 3; i++)
            store.Put(Blobs.Numbered(1_000_000 + i, 50_000));
        var known = store.Digests.Select(static digest => $"{digest.Hash}-{digest.SizeBytes}")
            .Order(StringComparer.Ordinal);
        var there = Directory.GetFiles(Path.Combine(directory, "content", "d"))
            .Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal);
        var isSame = known.SequenceEqual(there);
        var different = known.Except(there).Concat(there.Except(known)).Take(3);
        Console.WriteLine(isSame
            ? "stopped"
            : $"the index has {known.Count()} blobs, the disk {there.Count()}: {string.Join(' ', different)}");
        return isSame ? 0 : 1;
    }

    private sealed class User(ContentStore store, string links, Random random) : IDisposable
    {
        private readonly Queue<(Digest Digest, IDisposable Lease)> _held = new();
        private int _next;

        /// <summary>The first thing that must not be.</summary>
        public string? Wrong { get; private set; }

        public void Step()
        {
            var number = random.Next(Contents);
            var content = Blobs.Numbered(number, 1 + (number * 7919 % LargestContent));
            var digest = Blobs.DigestOf(content);
            _held.Enqueue((digest, store.TryLease(digest) ?? Put(digest, content)));
            foreach (var (held, _) in _held)
                Use(held, Path.Combine(links, $"{_next++ % 50}"), executable: random.Next(4) == 0);
            while (_held.Count > LeasesAtOnce)
                _held.Dequeue().Lease.Dispose();
        }

        public void Dispose()
        {
            while (_held.TryDequeue(out var held))
                held.Lease.Dispose();
        }

        private IDisposable Put(Digest digest, byte[] content)
        {
            if (random.Next(2) == 0)
                return store.PutLeased(digest, content);
            using var writer = store.BeginWrite(digest);
            foreach (var piece in content.Chunk(10_000))
                writer.Append(piece);
            return writer.CommitLeased();
        }

        private void Use(Digest digest, string link, bool executable)
        {
            File.Delete(link);
            if (!store.TryLinkTo(digest, executable, link))
                Wrong = $"blob {digest} was evicted below a lease";
            else if (FileHasher.Hash(link, DigestFunction.Sha256) != digest)
                Wrong = $"{link} is not blob {digest}";
        }
    }
}
