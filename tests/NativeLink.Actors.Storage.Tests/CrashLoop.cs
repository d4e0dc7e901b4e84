using System.Diagnostics;
using NativeLink.Actors.Storage.DirectoryCache;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Hashing;
using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.Tests.Trees;
using NativeLink.Actors.Storage.WorkDirectories;

namespace NativeLink.Actors.Storage.Tests;

/// <summary>
/// Kills a process that stores blobs, builds trees and mounts roots, at a random moment, again and
/// again, and checks after each kill that what is on disk is right. <c>dotnet
/// NativeLink.Actors.Storage.Tests.dll crash-loop 200 [DIR]</c> runs a long one.
/// </summary>
public static class CrashLoop
{
    private const int ExecutableEach = 9;

    /// <summary>Runs the rounds and throws at the first thing that is wrong; the message has the seed.</summary>
    public static void Run(string directory, int rounds, int seed, Action<string> log)
    {
        var random = new Random(seed);
        // A process that lives long has put so much that its inputs were evicted again.
        var executables = 0;
        for (var round = 0; round < rounds; round++)
        {
            RunAndKill(directory, random.Next(), TimeSpan.FromMilliseconds(random.Next(0, 400)));
            try
            {
                log($"round {round}: {Check(directory, ref executables)}");
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"seed {seed}, round {round}: {error.Message}", error);
            }
        }
        Require(executables > 0, $"seed {seed}: in no round had an executable input a file of its own");
    }

    /// <summary>The process that gets killed: works until then.</summary>
    internal static async Task WorkAsync(string directory, int seed)
    {
        var random = new Random(seed);
        using var store = OpenStore(directory);
        using var work = WorkDirectory.Open(Path.Combine(directory, "work"));
        using var roots = OpenRoots(directory, store, work);
        var tree = new TestTree(store);
        var variants = Enumerable.Range(-1, 6).Select(i => Variant(tree, i)).ToList();
        for (var i = 0; ; i++)
        {
            using (var action = work.CreateActionDirectory(AttemptId.Next(new OperationId($"op-{i}"))))
            using (var root = await roots.MaterialiseAsync(
                variants[random.Next(variants.Count)], action.WorkPath, tree, CancellationToken.None))
            {
                var output = Path.Combine(action.Path, "output");
                File.WriteAllBytes(output, Blobs.Numbered(random.Next(), 20_000));
                File.WriteAllText(Path.Combine(root.Path, "written"), "by an action");
                store.Adopt(output, FileHasher.Hash(output, DigestFunction.Sha256));
                store.Put(Blobs.Numbered(random.Next(), random.Next(1, 50_000)));
                if (i == 0)
                    Console.WriteLine("working");
            }
        }
    }

    private static void RunAndKill(string directory, int seed, TimeSpan after)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileName(path) == "dotnet"
            ? path
            : "dotnet", [typeof(CrashLoop).Assembly.Location, "crash-worker", directory, $"{seed}"])
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        if (process.StandardOutput.ReadLine() != "working")
            throw new InvalidOperationException("the process under test did not come to work");
        process.WaitForExit(after);
        process.Kill();
        process.WaitForExit();
    }

    private static string Check(string directory, ref int executables)
    {
        using var store = OpenStore(directory);
        var blobs = Directory.GetFiles(Path.Combine(directory, "content", "d"));
        var executableCopies = Directory.GetFiles(Path.Combine(directory, "content.exec", "d"));
        foreach (var blob in blobs.Concat(executableCopies))
        {
            var digest = FileHasher.Hash(blob, DigestFunction.Sha256);
            Require($"{digest.Hash}-{digest.SizeBytes}" == Path.GetFileName(blob), $"{blob} hashes to {digest}");
        }
        executables += executableCopies.Length;
        Require(store.Usage.Count == blobs.Length, $"the index has {store.Usage.Count} blobs, the disk {blobs.Length}");
        using var work = WorkDirectory.Open(Path.Combine(directory, "work"));
        Require(MountTable.Below(directory).Count == 0, "a mount is left");
        using var roots = OpenRoots(directory, store, work);
        var trees = Directory.GetDirectories(Path.Combine(roots.CachePath, "trees")).Length;
        Require(
            roots.CacheUsage.Count == trees, $"the cache knows {roots.CacheUsage.Count} trees, the disk has {trees}");
        var source = new TestTree(store);
        for (var i = -1; i < 5; i++)
            CheckRoot(roots, source, Variant(source, i), Path.Combine(directory, "work", $"check{i}"), i);
        Require(roots.Statistics.DamagedTrees == 0, "a cached tree was damaged");
        return $"{blobs.Length} blobs, {executableCopies.Length} executables, {trees} trees";
    }

    private static Digest Variant(TestTree tree, int changed) => tree.Large(90, 50, changed, ExecutableEach);

    private static void CheckRoot(InputRoots roots, TestTree source, Digest digest, string path, int changed)
    {
        using var root = roots.MaterialiseAsync(digest, path, source, CancellationToken.None).GetAwaiter().GetResult();
        var files = Directory.GetFiles(root.Path, "*", SearchOption.AllDirectories);
        Require(files.Length == 90, $"{files.Length} files in a tree of 90");
        foreach (var file in files)
        {
            var number = int.Parse(Path.GetFileName(file)[5..], System.Globalization.CultureInfo.InvariantCulture);
            Require(File.GetUnixFileMode(file).HasFlag(UnixFileMode.UserExecute) == (number % ExecutableEach == 1),
                $"{file} has mode {File.GetUnixFileMode(file)}");
            Require(File.ReadAllBytes(file).AsSpan().SequenceEqual(
                Blobs.Numbered(number == changed ? -number - 1 : number, 50)), $"{file} has wrong content");
        }
    }

    private static ContentStore OpenStore(string directory) => ContentStore.Open(
        new ContentStoreOptions(Path.Combine(directory, "content"), Path.Combine(directory, "temp"))
        {
            MaxBytes = 4 << 20,
        }, TimeProvider.System);

    private static InputRoots OpenRoots(string directory, ContentStore store, WorkDirectory work) => InputRoots.Open(
        new DirectoryCacheSettings(Path.Combine(directory, "cache"), work.UpperDirectoryRoot)
        {
            MaxEntries = 4,
            ScratchMemoryBytes = 16 << 20,
        }, store, TimeProvider.System);

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new InvalidOperationException(otherwise);
    }
}
