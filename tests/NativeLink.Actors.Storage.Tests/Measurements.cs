using System.Diagnostics;
using NativeLink.Actors.Storage.DirectoryCache;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.Tests.Trees;

namespace NativeLink.Actors.Storage.Tests;

/// <summary>
/// What staging costs here, in ms: the smallest and the
/// median of some runs, with a bare loop of links beside it.
/// </summary>
internal static class Measurements
{
    public static void Run(string directory)
    {
        foreach (var files in (int[])[1000, 10_000])
        {
            var path = Path.Combine(directory, $"{files}");
            using var store = ContentStore.Open(new ContentStoreOptions(
                Path.Combine(path, "content"), Path.Combine(path, "temp")), TimeProvider.System);
            var tree = new TestTree(store);
            var root = tree.Large(files, 64);
            foreach (var content in tree.Files.Values)
                store.Put(content);
            Show($"{files} files: bare loop of links", 5,
                run => BareLoop(store, tree, Path.Combine(path, $"bare{run}")),
                run => TreeDeleter.Delete(Path.Combine(path, $"bare{run}")));
            InputRoots? roots = null;
            Show(
                $"{files} files: cold tree and mount",
                5,
                run =>
                {
                    roots!.MaterialiseAsync(root, Path.Combine(path, "root"), tree, CancellationToken.None).GetAwaiter()
                        .GetResult().Dispose();
                },
                _ => roots!.Dispose(),
                run => roots = InputRoots.Open(new DirectoryCacheSettings(
                    Path.Combine(path, $"cache{run}"), Path.Combine(path, "scratch")), store, TimeProvider.System));
            using var warm = InputRoots.Open(new DirectoryCacheSettings(
                Path.Combine(path, "cache"), Path.Combine(path, "scratch")), store, TimeProvider.System);
            Console.WriteLine(warm.Description);
            warm.MaterialiseAsync(root, Path.Combine(path, "root"), tree, CancellationToken.None).GetAwaiter()
                .GetResult().Dispose();
            Show(
                $"{files} files: warm, mount", 200, _ => warm.MaterialiseAsync(root, Path.Combine(path, "root"), tree,
                    CancellationToken.None).GetAwaiter().GetResult(), static _ => { });
            Show($"{files} files: warm, mount + unmount", 200,
                _ => warm.MaterialiseAsync(root, Path.Combine(path, "root"), tree, CancellationToken.None).GetAwaiter()
                    .GetResult().Dispose(), static _ => { });
            var changed = Enumerable.Range(0, 20).Select(i => tree.Large(files, 64, changed: i * 7)).ToList();
            foreach (var content in tree.Files.Values)
                store.Put(content);
            Show($"{files} files: one changed, mount + unmount", 20,
                run => warm.MaterialiseAsync(changed[run], Path.Combine(path, "root"), tree, CancellationToken.None)
                    .GetAwaiter().GetResult().Dispose(), static _ => { });
            Console.WriteLine(warm.Statistics);
        }
    }

    private static void Show(string what, int runs, Action<int> work, Action<int> after, Action<int>? before = null) =>
        Show(what, runs, run => { work(run); return null; }, after, before);

    private static void Show(
        string what, int runs, Func<int, IDisposable?> work, Action<int> after, Action<int>? before = null)
    {
        var times = new List<double>();
        for (var run = 0; run < runs; run++)
        {
            before?.Invoke(run);
            var start = Stopwatch.GetTimestamp();
            var made = work(run);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            made?.Dispose();
            after(run);
        }
        times.Sort();
        Console.WriteLine($"{what}: {times[0]:F2} / {times[times.Count / 2]:F2}");
    }

    private static void BareLoop(ContentStore store, TestTree tree, string path)
    {
        Directory.CreateDirectory(path);
        var number = 0;
        foreach (var chunk in tree.Files.Keys.Chunk(15))
        {
            var directory = Path.Combine(path, $"{number++}");
            Directory.CreateDirectory(directory);
            foreach (var digest in chunk)
                _ = Libc.LinkAt(Libc.AtFdCwd, store.Links.PathOf(digest), Libc.AtFdCwd,
                    Path.Combine(directory, digest.Hash), 0);
        }
    }
}
