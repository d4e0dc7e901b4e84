using System.Globalization;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Benchmarks.Ruler;

/// <summary>
/// What one action costs the process that runs it: a shell
/// that writes an output, at several numbers in flight.
/// </summary>
internal sealed class ActionGauges(string socketDirectory, bool systemCalls)
{
    private const int WarmUp = 300;
    private const int MostInflight = 64;
    private static readonly int[] Inflight = [1, 8, MostInflight];

    /// <summary><c>local</c>: client's calls, scheduler, CAS and worker in one process.</summary>
    public async Task<IReadOnlyList<Reading>> LocalAsync(BenchContext context)
    {
        await using var local = await ServerProcess.StartLocalAsync(
            context, "--workers", "1", "--max-inflight", $"{MostInflight}");
        return await MeasureAsync(context, "local", local.Client, local, withRate: true);
    }

    /// <summary>A worker alone, its cluster in a process of its own.</summary>
    public async Task<IReadOnlyList<Reading>> WorkerAsync(BenchContext context)
    {
        await using var cluster = await ServerProcess.StartLocalAsync(context, "--workers", "0");
        await using var worker = ServerProcess.StartWorker(
            context, WorkerFile.Write(context, cluster.WorkerApi, cluster.Client, MostInflight));
        return await MeasureAsync(context, "worker", cluster.Client, worker, withRate: false);
    }

    private async Task<IReadOnlyList<Reading>> MeasureAsync(
        BenchContext context, string name, string address, ServerProcess subject, bool withRate)
    {
        using var client = new LoadClient(address);
        await client.ExecuteAllAsync(await PrepareAsync(client, WarmUp), 8);
        var (meter, count) = (new ProcessMeter(subject.Id, socketDirectory), context.Quick ? 150 : 400);
        var readings = new List<Reading>();
        foreach (var inflight in Inflight)
        {
            var floor = BareSpawn.Measure(count);
            var actions = await PrepareAsync(client, count);
            var before = meter.Read();
            var (total, _) = await client.ExecuteAllAsync(actions, inflight);
            var after = meter.Read();
            Reading Per(string what, string unit, double value) =>
                new(string.Create(CultureInfo.InvariantCulture, $"{name}, {inflight} in flight: {what}"), unit,
                    value / count);
            readings.Add(Per("CPU an action", "ms", (after.CpuNanoseconds - before.CpuNanoseconds) / 1e6) with
            {
                Floor = floor.CpuMilliseconds,
            });
            readings.Add(Per("CPU of its processes", "ms", (after.ChildrenSeconds - before.ChildrenSeconds) * 1000));
            readings.Add(
                Per("voluntary switches an action", "", after.VoluntarySwitches - before.VoluntarySwitches) with
                {
                    Floor = floor.VoluntarySwitches,
                });
            readings.Add(Per("allocated an action", "kB", (after.AllocatedBytes - before.AllocatedBytes) / 1000));
            if (systemCalls)
            {
                var counted = await PrepareAsync(client, count);
                readings.Add(Per("system calls an action, its processes' too", "",
                    await SystemCalls.CountAsync(subject.Id, () => client.ExecuteAllAsync(counted, inflight))));
            }
            var rate = new Reading($"{(inflight == 8 ? "T2, " : "")}{name}, {inflight} in flight: actions a second",
                "/s", count / total.TotalSeconds)
            { Floor = floor.PerSecond, MoreIsBetter = true };
            if (withRate)
                readings.Add(rate);
        }
        return readings;
    }

    private static async Task<Digest[]> PrepareAsync(LoadClient client, int count)
    {
        var tag = Guid.NewGuid().ToString("N");
        Digest[] actions = [.. Enumerable.Range(0, count).Select(
            i => client.Blobs.Add(["/bin/sh", "-c", $"echo {tag}{i} >out"], outputs: ["out"], salt: $"{tag}{i}"))];
        await client.UploadAsync();
        return actions;
    }
}
