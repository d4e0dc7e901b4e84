using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Benchmarks.Targets;

namespace NativeLink.Actors.Benchmarks.Ruler;

/// <summary>Short passes of the targets, each with a new process.</summary>
internal static class TargetGauges
{
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(1);

    public static async Task<IReadOnlyList<Reading>> WarmNoOpAsync(BenchContext context)
    {
        var (volume, memory) = (await context.VolumeAsync("ext4"), await context.VolumeAsync("tmpfs"));
        var (floors, whole, streams, _) = await WarmNoOp.SampleAsync(context, volume, memory, context.Quick ? 60 : 140);
        return [new Reading("T1, warm no-op, 1,000 inputs", "ms", whole.Median - streams.Median)
        {
            Floor = floors.Median,
        }];
    }

    public static async Task<IReadOnlyList<Reading>> ColdTreeAsync(BenchContext context)
    {
        var (volume, memory) = (await context.VolumeAsync("ext4"), await context.VolumeAsync("tmpfs"));
        var data = memory.NewDirectory("t5-cas");
        await using var cas = await ServerProcess.StartLocalIn(data, context, "--workers", "0");
        using var client = new LoadClient(cas.Client);
        var (floors, cold) = await ColdTree.SampleAsync(context, volume, cas, client, 2);
        await cas.DisposeAsync();
        Directory.Delete(data, recursive: true);
        return [new Reading("T5, cold, 10,000 files from the CAS", "ms", cold.Min) { Floor = floors.Min }];
    }

    public static async Task<IReadOnlyList<Reading>> BigBlobAsync(BenchContext context)
    {
        var (download, downloadFloor, upload, uploadFloor) = await BigBlob.SampleAsync(context);
        return
        [
            new Reading("T6, 1 GiB downloaded, verified, stored", "GB/s", download)
            {
                Floor = downloadFloor,
                MoreIsBetter = true,
            },
            new Reading("T6, 1 GiB hashed and uploaded", "GB/s", upload) { Floor = uploadFloor, MoreIsBetter = true },
        ];
    }

    public static async Task<IReadOnlyList<Reading>> StartUpAsync(BenchContext context) =>
        [new Reading("T8, start to registered", "s", (await StartUp.SampleAsync(context, 3)).Order().ElementAt(1))];

    public static async Task<IReadOnlyList<Reading>> MemoryAsync(BenchContext context)
    {
        var (idle, warm, stdout, _, download) = await Memory.SampleAsync(
            context, (context.Quick ? 256L : 1024L) << 20, Settle);
        return
        [
            new Reading("T7, resident, idle", "MB", idle),
            new Reading("T7, resident, after the first action", "MB", warm),
            new Reading("T7, resident, peak during a long stdout", "MB", stdout),
            new Reading("T7, resident, peak during a large download", "MB", download),
        ];
    }

    public static async Task<IReadOnlyList<Reading>> BlackBoxAsync(BenchContext context) =>
        [.. (await BlackBoxBench.SampleAsync(context)).Select(static figure => new Reading(
            $"T11, {figure.What}", figure.Unit, figure.Value) { MoreIsBetter = figure.Unit == "/s" })];
}
