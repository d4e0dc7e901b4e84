using System.Diagnostics;
using System.Globalization;
using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Storage.DirectoryCache;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Materialisers;

namespace NativeLink.Actors.Benchmarks.Plots;

/// <summary>
/// What staging a root costs: by the size of the tree for each
/// materialiser, and by the number of files that changed.
/// </summary>
internal static class StagingPlots
{
    private const string FileSystems = "file systems with journal on loop devices";
    private const int ChangedOf = 10_000;
    private static readonly int[] Sizes = [100, 300, 1_000, 3_000, 10_000, 50_000];
    private static readonly int[] Changes = [1, 10, 100, 1_000];
    private static readonly (string Materialiser, string Volume)[] Materialisers = [("overlay", "ext4"),
        ("hardlink", "ext4"), ("copy", "ext4"), ("reflink", "xfs")];

    public static async Task BySizeAsync(BenchContext context, string file)
    {
        var curves = await CurvesAsync(context, async (volume, materialiser) =>
        {
            var points = new List<(double, double)>();
            foreach (var files in Sizes)
            {
                using var stage = Stage.Open(volume.NewDirectory($"plot-{materialiser}-{files}"), materialiser);
                var root = stage.Add(InputTrees.Add(stage.Blobs, files, "plot"));
                await stage.TimeAsync(root);
                var sample = new Sample();
                for (var pass = 0; pass < (materialiser == "overlay" ? 20 : files > 10_000 ? 2 : 4); pass++)
                    sample.Add(await stage.TimeAsync(root));
                points.Add((files, sample.Median));
            }
            return points;
        });
        Plot.Write(file, "Staging a cached input root, by its size",
            $"4 KiB files, 15 a directory, six levels deep; {FileSystems}; medians, without the removal afterwards",
            new Axes("files in the tree", "milliseconds", LogX: true, LogY: true), curves);
    }

    public static async Task ByChangesAsync(BenchContext context, string file)
    {
        var curves = await CurvesAsync(context, async (volume, materialiser) =>
        {
            using var stage = Stage.Open(volume.NewDirectory($"plot-changes-{materialiser}"), materialiser);
            await stage.TimeAsync(stage.Add(InputTrees.Add(stage.Blobs, ChangedOf, "plot")));
            var points = new List<(double, double)>();
            foreach (var changes in Changes)
            {
                var sample = new Sample();
                for (var pass = 0; pass < 5; pass++)
                {
                    var tag = string.Create(CultureInfo.InvariantCulture, $" {changes} {pass}");
                    sample.Add(
                        await stage.TimeAsync(stage.Add(InputTrees.Add(
                            stage.Blobs, ChangedOf, "plot", InputTrees.Spread(ChangedOf, changes), tag))));
                }
                points.Add((changes, sample.Median));
            }
            return points;
        });
        Plot.Write(file, "Staging a root of 10,000 files, by how many of them changed",
            $"cached base, changed files in the store and spread over all directories; {FileSystems}; medians of 5",
            new Axes("files changed since the cached tree", "milliseconds", LogX: true, LogY: true), curves);
    }

    /// <summary>A curve for each materialiser that this machine has; says which it has not.</summary>
    private static async Task<List<Curve>> CurvesAsync(
        BenchContext context, Func<Volume, string, Task<List<(double, double)>>> measure)
    {
        var curves = new List<Curve>();
        foreach (var (materialiser, volume) in Materialisers)
        {
            try
            {
                curves.Add(new Curve($"{materialiser}, {volume}",
                    await measure(await context.VolumeAsync(volume), materialiser)));
            }
            catch (Exception error) when (error is FaultException or CannotMeasureException)
            {
                Console.WriteLine($"plots: no curve for {materialiser} on {volume}: {error.Message}");
            }
        }
        return curves;
    }

    private sealed class Stage(string directory, ContentStore store, InputRoots roots) : IDisposable
    {
        private StoredTrees? _trees;
        private int _next;

        public BlobSet Blobs { get; } = new();

        /// <exception cref="FaultException">The file system has no such thing.</exception>
        public static Stage Open(string directory, string materialiser)
        {
            var store = ContentStore.Open(new ContentStoreOptions(
                Path.Combine(directory, "content"), Path.Combine(directory, "temp")), TimeProvider.System);
            try
            {
                var settings = new DirectoryCacheSettings(Path.Combine(directory, "cache"),
                    Path.Combine(directory, "scratch"))
                { ForcedMaterialiser = materialiser };
                return new Stage(directory, store, InputRoots.Open(settings, store, TimeProvider.System));
            }
            catch
            {
                store.Dispose();
                throw;
            }
        }

        /// <summary>Puts the blobs of a tree into the store.</summary>
        public Digest Add(Digest root)
        {
            _trees = new StoredTrees(Blobs, store);
            return root;
        }

        public async Task<TimeSpan> TimeAsync(Digest root)
        {
            await roots.Idle;
            var path = Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"root-{++_next}"));
            var began = Stopwatch.GetTimestamp();
            var made = await roots.MaterialiseAsync(root, path, _trees!, CancellationToken.None);
            var took = Stopwatch.GetElapsedTime(began);
            made.Dispose();
            return took;
        }

        public void Dispose()
        {
            roots.Dispose();
            store.Dispose();
            if (Directory.Exists(directory))
                Directory.Delete(directory, recursive: true);
        }
    }
}
