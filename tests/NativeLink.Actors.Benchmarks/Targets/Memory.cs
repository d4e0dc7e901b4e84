using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Benchmarks.Targets;

/// <summary>
/// T7: resident memory of a worker process: idle, during
/// 1 GiB of stdout, during the download of a 1 GiB input.
/// </summary>
internal static class Memory
{
    private const long GiB = 1L << 30;
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan SampleEvery = TimeSpan.FromMilliseconds(20);

    public static async Task<IReadOnlyList<Finding>> MeasureAsync(BenchContext context)
    {
        var (idle, warm, stdout, before, download) = await SampleAsync(context, GiB, Settle);
        return
        [
            Finding.Against("memory idle", idle, 100, "MB", $"{warm:0} MB after the first action"),
            Finding.Against("memory added during 1 GiB of stdout", stdout - warm, 32, "MB"),
            Finding.Against("memory added during a 1 GiB download", download - before, 64, "MB"),
        ];
    }

    /// <summary>
    /// The resident megabytes of a new worker: idle; after its first
    /// action; at most while an action prints so many bytes; before,
    /// and at most while, it fetches an input of so many bytes.
    /// </summary>
    public static async Task<(double Idle, double Warm, double Stdout, double Before, double Download)> SampleAsync(
        BenchContext context, long bytes, TimeSpan settle)
    {
        await using var cluster = await ServerProcess.StartLocalAsync(context, "--workers", "0");
        await using var worker = ServerProcess.StartWorker(
            context, WorkerFile.Write(context, cluster.WorkerApi, cluster.Client));
        using var client = new LoadClient(cluster.Client);
        var noop = client.Blobs.Add(["/bin/true"]);
        var print = client.Blobs.Add(["/usr/bin/head", "-c", $"{bytes}", "/dev/zero"]);
        var big = await client.WriteBigAsync(bytes, 7);
        var root = new Reapi.Directory { Files = { new Reapi.FileNode { Name = "big", Digest = big.ToWire() } } };
        var read = client.Blobs.Add(["/bin/true"], root);
        await client.UploadAsync();
        await Task.Delay(settle);
        var idle = worker.ResidentMegabytes();
        await client.ExecuteAsync(noop);
        await Task.Delay(settle);
        var warm = worker.ResidentMegabytes();
        var stdout = await PeakAsync(worker, client, print);
        await Task.Delay(settle);
        var before = worker.ResidentMegabytes();
        var download = await PeakAsync(worker, client, read);
        return (idle, warm, stdout, before, download);
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
