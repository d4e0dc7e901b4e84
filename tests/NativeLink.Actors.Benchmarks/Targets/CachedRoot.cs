using System.Globalization;
using NativeLink.Actors.Benchmarks.Floors;
using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Storage.DirectoryCache;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Materialisers;

namespace NativeLink.Actors.Benchmarks.Targets;

/// <summary>
/// T3: staging a cached root of 10,000 files, reading all of it in an action, and what it costs
/// where only copies protect.
/// </summary>
internal static class CachedRoot
{
    private const int Files = 10_000;
    private const int OrdinaryUser = 1000;

    /// <summary>The command line word with which this program reads a tree, prints the milliseconds and ends.</summary>
    public const string ReaderCommand = "read-files";

    public static async Task<IReadOnlyList<Finding>> MeasureAsync(BenchContext context)
    {
        var findings = new List<Finding>();
        foreach (var volume in await context.VolumesAsync())
        {
            findings.AddRange(await MeasureAsync(context, volume, null));
            if (volume.Name == "ext4")
                findings.AddRange(await AsUserAsync(context, volume));
            findings.Add(await CopyAsync(context, volume));
        }
        return findings;
    }

    /// <summary>
    /// Reads the files of a tree and prints the time;
    /// everything that it calls has been compiled before.
    /// </summary>
    public static void Read(string directory, int files)
    {
        var paths = BareTree.Paths(directory, files);
        BareTree.Read(paths[..30]);
        Console.WriteLine(
            Sample.Time(() => BareTree.Read(paths)).TotalMilliseconds.ToString(CultureInfo.InvariantCulture));
    }

    private static async Task<IReadOnlyList<Finding>> AsUserAsync(BenchContext context, Volume volume)
    {
        try
        {
            return await MeasureAsync(context, volume, OrdinaryUser);
        }
        catch (Exception error) when (error is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return [Finding.NotMeasured("stage and read a cached root of 10,000 as an ordinary user", error.Message)];
        }
    }

    private static async Task<IReadOnlyList<Finding>> MeasureAsync(BenchContext context, Volume volume, int? user)
    {
        var who = user is null ? "root" : "an ordinary user in a namespace of its own";
        var directory = volume.NewDirectory("t3-worker");
        await using var worker = await AloneWorker.StartAsync(context, directory, user);
        var root = InputTrees.Add(worker.Blobs, Files, "t3");
        var passes = context.Passes(60);
        var noops = Enumerable.Range(0, passes + 5).Select(i => worker.Blobs.Add(["/bin/true"], root, salt: $"t3-{i}"))
            .ToArray();
        var readPasses = context.Passes(12);
        var readers = Enumerable.Range(0, readPasses).Select(
            i => worker.Blobs.Add(Reader("."), root, salt: $"t3-read-{i}", environment: ReaderEnvironment())).ToArray();
        await worker.StoreAsync();
        var staging = new Sample();
        foreach (var (pass, action) in noops.Index())
        {
            var (_, result) = await worker.RunAsync(action);
            if (pass >= 5)
                staging.Add(Stages.Of(result).Fetch);
        }

        var bare = volume.NewDirectory("t3-floor");
        BareTree.Write(Path.Combine(bare, "files"), Files, "t3");
        BareTree.Link(Path.Combine(bare, "files"), Path.Combine(bare, "tree"), Files);
        var (direct, mounted) = (new Sample(), new Sample());
        foreach (var action in readers)
        {
            direct.Add(await ReadDirectlyAsync(Path.Combine(bare, "tree")));
            var (_, result) = await worker.RunAsync(action);
            mounted.Add(double.Parse(result.StdoutRaw.Length > 0
                ? result.StdoutRaw.ToStringUtf8()
                : Blob(directory, result.StdoutDigest), CultureInfo.InvariantCulture));
        }
        return
        [
            Finding.Against($"stage a cached root of 10,000, {who}, {volume.Name}", staging.Median, 2, "ms",
                $"{staging}"),
            Finding.OfFloor($"an action reads all 10,000, {who}, {volume.Name}", mounted.Median, direct.Median, 2.3,
                "ms", $"in the action {mounted}; directly {direct}"),
        ];
    }

    /// <summary>With the materialiser forced: what a machine gets that has neither overlay nor reflinks.</summary>
    private static async Task<Finding> CopyAsync(BenchContext context, Volume volume)
    {
        var directory = volume.NewDirectory("t3-copy");
        using var store = ContentStore.Open(new ContentStoreOptions(
            Path.Combine(directory, "content"), Path.Combine(directory, "temp")), TimeProvider.System);
        var blobs = new BlobSet();
        var root = InputTrees.Add(blobs, Files, "t3");
        var source = new StoredTrees(blobs, store);
        var settings = new DirectoryCacheSettings(Path.Combine(directory, "cache"), Path.Combine(directory, "scratch"))
        {
            ForcedMaterialiser = "copy",
        };
        using var roots = InputRoots.Open(settings, store, TimeProvider.System);
        BareTree.Write(Path.Combine(directory, "files"), Files, "t3");
        var (copies, floors) = (new Sample(), new Sample());
        for (var pass = 0; pass < context.Passes(12) + 1; pass++)
        {
            var (bare, ours) = (Path.Combine(directory, $"bare-{pass}"), Path.Combine(directory, $"root-{pass}"));
            var floor = Sample.Time(() => BareTree.Copy(Path.Combine(directory, "files"), bare, Files));
            var began = System.Diagnostics.Stopwatch.GetTimestamp();
            var made = await roots.MaterialiseAsync(root, ours, source, CancellationToken.None);
            var took = System.Diagnostics.Stopwatch.GetElapsedTime(began);
            made.Dispose();
            Directory.Delete(bare, recursive: true);
            await roots.Idle;
            if (pass == 0)
                continue;
            floors.Add(floor);
            copies.Add(took);
        }
        return Finding.OfFloor($"stage a cached root of 10,000 by copies, {volume.Name}", copies.Median, floors.Median,
            1.3, "ms", $"{copies}; a bare copy loop {floors}");
    }

    private static string[] Reader(string directory) =>
        [Environment.ProcessPath!, ReaderCommand, directory, $"{Files}"];

    private static Dictionary<string, string> ReaderEnvironment() => new()
    {
        ["PATH"] = "/usr/bin:/bin",
        ["HOME"] = "/nonexistent",
        ["DOTNET_ROOT"] = Path.GetFullPath(
            Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "../../..")),
    };

    private static async Task<double> ReadDirectlyAsync(string tree)
    {
        var line = Reader(tree);
        var (code, output) = await BenchContext.RunAsync(
            line[0], line[1..], TimeSpan.FromMinutes(5), ReaderEnvironment());
        return code == 0
            ? double.Parse(output, CultureInfo.InvariantCulture)
            : throw new InvalidOperationException(output);
    }

    private static string Blob(string directory, Reapi.Digest digest) =>
        File.ReadAllText(Path.Combine(WorkerFile.Store(directory).Content, "d", $"{digest.Hash}-{digest.SizeBytes}"));
}
