using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Targets;

/// <summary>
/// T4: staging a root of 10,000 files that differs from a
/// cached one in one file, whose content is in the store.
/// </summary>
internal static class ChangedRoot
{
    private const int Files = 10_000;

    public static async Task<IReadOnlyList<Finding>> MeasureAsync(BenchContext context)
    {
        var findings = new List<Finding>();
        foreach (var volume in await context.VolumesAsync())
        {
            await using var worker = await AloneWorker.StartAsync(context, volume.NewDirectory("t4-worker"));
            var cached = worker.Blobs.Add(["/bin/true"], InputTrees.Add(worker.Blobs, Files, "t4"));
            var actions = Enumerable.Range(0, context.Passes(24) + 3).Select(i =>
                worker.Blobs.Add(["/bin/true"], InputTrees.Add(
                    worker.Blobs, Files, "t4", new HashSet<int> { i * 97 }, $" changed {i}"))).ToArray();
            await worker.StoreAsync();
            await worker.RunAsync(cached);
            var staging = new Sample();
            foreach (var (pass, action) in actions.Index())
            {
                var (_, result) = await worker.RunAsync(action);
                if (pass >= 3)
                    staging.Add(Stages.Of(result).Fetch);
            }
            findings.Add(Finding.Against($"stage a root of 10,000 with one file changed, {volume.Name}", staging.Median,
                5, "ms", $"{staging}"));
        }
        return findings;
    }
}
