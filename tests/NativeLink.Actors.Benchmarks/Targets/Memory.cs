using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Benchmarks.Targets;

/// <summary>T7: resident memory of a worker process: idle, during 1 GiB of stdout, during the download of a 1 GiB input.</summary>
internal static class Memory
{
    private const long GiB = 1L << 30;
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan SampleEvery = TimeSpan.FromMilliseconds(20);

    public static async Task<IReadOnlyList<Finding>> MeasureAsync(BenchContext context)
    {
        await using var cluster = await ServerProcess.StartLocalAsync(context, "--workers", "0");
        await using var worker = ServerProcess.StartWorker(context, WorkerFile.Write(context, cluster.WorkerApi, cluster.Client));
        using var client = new LoadClient(cluster.Client);
        var noop = client.Blobs.Add(["/bin/true"]);
        var print = client.Blobs.Add(["/usr/bin/head", "-c", $"{GiB}", "/dev/zero"]);
        var big = await client.WriteBigAsync(GiB, 7);
        var root = new Reapi.Directory { Files = { new Reapi.FileNode { Name = "big", Digest = big.ToWire() } } };
        var read = client.Blobs.Add(["/bin/true"], root);
        await client.UploadAsync();
        await Task.Delay(Settle);
        var idle = worker.ResidentMegabytes();
        await client.ExecuteAsync(noop);
        await Task.Delay(Settle);
        var warm = worker.ResidentMegabytes();
        var stdout = await PeakAsync(worker, client, print) - warm;
        await Task.Delay(Settle);
        var before = worker.ResidentMegabytes();
        var download = await PeakAsync(worker, client, read) - before;
        return
        [
            Finding.Against("memory idle", idle, 100, "MB", $"{warm:0} MB after the first action"),
            Finding.Against("memory added during 1 GiB of stdout", stdout, 32, "MB"),
            Finding.Against("memory added during a 1 GiB download", download, 64, "MB"),
        ];
    }

    private static async Task<double> PeakAsync(ServerProcess worker, LoadClient client, Digest action)
    {
        var peak = worker.ResidentMegabytes();
        var running = client.ExecuteAsync(action);
        while (!running.IsCompleted)
        {
            await Task.WhenAny(running, Task.Delay(SampleEvery));
            peak = Math.Max(peak, worker.ResidentMegabytes());
        }
        await running;
        return peak;
    }
}
