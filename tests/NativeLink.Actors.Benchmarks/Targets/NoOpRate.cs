using System.Diagnostics;
using System.Globalization;
using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Benchmarks.Targets;

/// <summary>
/// T2: no-op actions through the local cluster, 8 in flight; each writes an output of its own and
/// an action cache entry. The rate is that of one process; who spends what is seen with cluster and
/// worker as processes of their own.
/// </summary>
internal static class NoOpRate
{
    private const int Inflight = 8;
    private const int WarmUp = 300;
    private const int Actions = 2000;
    private const double TargetPerSecond = 300;

    public static async Task<IReadOnlyList<Finding>> MeasureAsync(BenchContext context)
    {
        var lines = new List<Finding>();
        await using (var local = await ServerProcess.StartLocalAsync(
            context, "--workers", "1", "--max-inflight", $"{Inflight}"))
        {
            var (rate, latency, client, server) = await LoadAsync(local.Client, [local]);
            lines.Add(
                Finding.Against("no-op rate", rate, TargetPerSecond, "/s", string.Create(CultureInfo.InvariantCulture,
                $"median {latency:0.0} ms; CPU an action: client {client:0.00} ms, " +
                $"cluster and worker {server[0]:0.00} ms"), least: true));
        }
        await using var cluster = await ServerProcess.StartLocalAsync(context, "--workers", "0");
        await using var worker = ServerProcess.StartWorker(
            context, WorkerFile.Write(context, cluster.WorkerApi, cluster.Client, Inflight));
        var split = await LoadAsync(cluster.Client, [cluster, worker]);
        lines.Add(new Finding("shares with three processes", Finding.Text(split.Rate, "/s"))
        {
            Note = string.Create(CultureInfo.InvariantCulture,
                $"CPU an action: client {split.Client:0.00} ms, scheduler and CAS {split.Servers[0]:0.00} ms, " +
                $"worker {split.Servers[1]:0.00} ms"),
        });
        return lines;
    }

    private static async Task<(double Rate, double Median, double Client, double[] Servers)> LoadAsync(
        string address, ServerProcess[] servers)
    {
        using var client = new LoadClient(address);
        Digest[] Make(string tag, int count) => [.. Enumerable.Range(0, count).Select(i =>
            client.Blobs.Add(["/bin/sh", "-c", $"echo {tag}{i} >out"], outputs: ["out"], salt: $"{tag}{i}"))];
        var (warm, timed) = (Make("w", WarmUp), Make("t", Actions));
        await client.UploadAsync();
        await client.ExecuteAllAsync(warm, Inflight);
        using var self = Process.GetCurrentProcess();
        var (clientBefore, before) = (self.TotalProcessorTime, servers.Select(server => server.CpuTime()).ToArray());
        var (total, each) = await client.ExecuteAllAsync(timed, Inflight);
        self.Refresh();
        var median = each.Order().ElementAt(each.Length / 2).TotalMilliseconds;
        return (Actions / total.TotalSeconds, median,
            (self.TotalProcessorTime - clientBefore).TotalMilliseconds / Actions,
            [.. servers.Select((server, i) => (server.CpuTime() - before[i]).TotalMilliseconds / Actions)]);
    }
}
