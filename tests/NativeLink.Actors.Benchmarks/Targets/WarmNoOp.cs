using NativeLink.Actors.Benchmarks.Floors;
using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Testing.Scheduling;

namespace NativeLink.Actors.Benchmarks.Targets;

/// <summary>
/// T1: a warm no-op action with a cached root of 1,000 files, from StartExecute to ExecuteResult,
/// against the bare calls that it takes. The worker has no remote CAS; what the stream to the
/// scheduler costs is measured with a worker that answers at once, and taken off. The command,
/// /bin/true, is in both.
/// </summary>
internal static class WarmNoOp
{
    private const int Files = 1000;
    private const int WarmUp = 100;

    // Floor and worker take turns; so many at a time that neither starts cold each time.
    private const int Block = 20;

    public static async Task<IReadOnlyList<Finding>> MeasureAsync(BenchContext context)
    {
        var findings = new List<Finding>();
        var memory = await context.VolumeAsync("tmpfs");
        foreach (var volume in await context.VolumesAsync())
            findings.Add(await MeasureAsync(context, volume, memory));
        return findings;
    }

    private static async Task<Finding> MeasureAsync(BenchContext context, Volume volume, Volume memory)
    {
        var (floors, whole, streams, stages) = await SampleAsync(context, volume, memory, context.Passes(400));
        var own = whole.Median - streams.Median;
        return Finding.OfFloor($"warm no-op, 1,000 inputs, {volume.Name}", own, floors.Median, 2, "ms",
            $"with the scheduler's stream {whole} ({Stages.Medians(stages)}); the stream alone {streams}; " +
            $"floor {floors}");
    }

    /// <summary>
    /// So many passes of a new worker: the floor's times, its own from start to result, those of
    /// the stream alone, and its own by stages.
    /// </summary>
    public static async Task<(Sample Floors, Sample Whole, Sample Streams, List<Stages> Stages)> SampleAsync(
        BenchContext context, Volume volume, Volume memory, int passes)
    {
        var bare = volume.NewDirectory("t1-floor");
        BareTree.Write(Path.Combine(bare, "files"), Files, "t1");
        BareTree.Link(Path.Combine(bare, "files"), Path.Combine(bare, "tree"), Files);
        Native.MakeDirectory(Path.Combine(bare, "targets"));
        var floor = new WarmAction(Path.Combine(bare, "tree"), memory.NewDirectory("t1-upper"),
            Path.Combine(bare, "targets"));

        await using var scheduler = await ScriptedScheduler.StartAsync();
        await using var instant = ServerProcess.StartInstantWorker(
            WorkerFile.WriteAlone(context.NewDirectory("instant"), scheduler.Address.Authority));
        var stream = await instant.ExpectAsync(scheduler.NextAsync());
        await using var worker = await AloneWorker.StartAsync(context, volume.NewDirectory("t1-worker"));
        var actions = await ActionsAsync(worker, WarmUp + passes);

        var (floors, whole, streams) = (new Sample(), new Sample(), new Sample());
        var stages = new List<Stages>();
        foreach (var (block, chunk) in actions.Chunk(Block).Index())
        {
            var skip = block * Block < WarmUp;
            foreach (var _ in chunk)
                Add(floors, Sample.Time(floor.Run), skip);
            foreach (var action in chunk)
                Add(streams, (await stream.RunAsync(action)).Took, skip);
            foreach (var action in chunk)
            {
                var (took, result) = await worker.RunAsync(action);
                Add(whole, took, skip);
                stages.Add(Stages.Of(result));
            }
        }
        return (floors, whole, streams, stages);
    }

    private static void Add(Sample sample, TimeSpan took, bool skip)
    {
        if (!skip)
            sample.Add(took);
    }

    private static async Task<Digest[]> ActionsAsync(AloneWorker worker, int count)
    {
        var root = InputTrees.Add(worker.Blobs, Files, "t1");
        var actions = Enumerable.Range(0, count).Select(i => worker.Blobs.Add(["/bin/true"], root, salt: $"t1-{i}"))
            .ToArray();
        await worker.StoreAsync();
        return actions;
    }
}
