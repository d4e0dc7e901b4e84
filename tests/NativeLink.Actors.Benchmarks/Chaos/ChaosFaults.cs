using System.Diagnostics;
using System.Globalization;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Chaos;

/// <summary>What can happen to a cluster.</summary>
internal enum ChaosFault
{
    /// <summary>SIGKILL to a worker's process, which is started again.</summary>
    KillWorker,

    /// <summary>
    /// SIGSTOP to a worker's process for longer than the
    /// scheduler waits for a sign of life, then SIGCONT.
    /// </summary>
    PauseWorker,

    /// <summary>SIGKILL to the cluster, which is started again on its data directory.</summary>
    KillCluster,

    /// <summary>SIGTERM to the cluster, which is started again on its data directory.</summary>
    RestartCluster,

    /// <summary>SIGSTOP to the cluster, then SIGCONT.</summary>
    PauseCluster,

    /// <summary>The connections of Bazel are reset.</summary>
    CutClients,

    /// <summary>The connections of workers to the scheduler are reset.</summary>
    CutWorkers,

    /// <summary>The connections of workers to the CAS are reset.</summary>
    CutStores,

    /// <summary>Nothing gets through between Bazel and cluster for a while, then all of it.</summary>
    HoldClients,

    /// <summary>Nothing gets through between workers and scheduler, for longer than it waits; then all of it.</summary>
    HoldWorkers,

    /// <summary>A worker's disk, or the cluster's where the workers are in it, is full for a while.</summary>
    FillDisk,
}

/// <summary>
/// Lets faults happen, one after the other. None is longer than the client's own patience (<see cref="BazelClient"/>),
/// and when one returns the cluster is whole again.
/// </summary>
internal sealed class ChaosFaults(ChaosCluster cluster, Random random)
{
    /// <summary>
    /// An outage that is longer than this is a finding:
    /// a Bazel with its retries would hardly get over it.
    /// </summary>
    private static readonly TimeSpan LongestOutage = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan Liveness = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestFull = TimeSpan.FromSeconds(2);
    private const int MostFailedByDisk = 2;

    /// <summary>Those that cost operations an attempt.</summary>
    public static bool CostsAttempts(ChaosFault fault) => fault is ChaosFault.KillWorker or ChaosFault.PauseWorker
        or ChaosFault.CutWorkers or ChaosFault.HoldWorkers or ChaosFault.FillDisk;

    /// <summary>How often it happens, against others: what ends processes is what most is asked of.</summary>
    public static int WeightOf(ChaosFault fault) => fault switch
    {
        ChaosFault.KillWorker => 5,
        ChaosFault.PauseWorker or ChaosFault.KillCluster => 3,
        ChaosFault.RestartCluster or ChaosFault.FillDisk or ChaosFault.CutClients => 2,
        _ => 1,
    };

    /// <summary>Those that can happen here.</summary>
    public IReadOnlyList<ChaosFault> Possible => [.. Enum.GetValues<ChaosFault>().Where(fault => fault switch
    {
        ChaosFault.FillDisk => cluster.Disks.Count > 0,
        ChaosFault.KillWorker or ChaosFault.PauseWorker or ChaosFault.CutWorkers or ChaosFault.CutStores
            or ChaosFault.HoldWorkers => cluster.IsSeparate,
        _ => true,
    })];

    /// <returns>What has happened, in words.</returns>
    public async Task<string> HappenAsync(ChaosFault fault)
    {
        var began = Stopwatch.GetTimestamp();
        var what = fault switch
        {
            ChaosFault.KillWorker => await KillWorkerAsync(),
            ChaosFault.PauseWorker => await PauseWorkerAsync(),
            ChaosFault.KillCluster or ChaosFault.RestartCluster =>
                await RestartClusterAsync(fault == ChaosFault.KillCluster),
            ChaosFault.PauseCluster => await PauseAsync(cluster.Server, Between(1, 4)),
            ChaosFault.CutClients => $"{cluster.Clients.Cut()} connections",
            ChaosFault.CutWorkers => await RegisteringAsync(() => $"{cluster.WorkerApi.Cut()} connections"),
            ChaosFault.CutStores => $"{cluster.Stores.Cut()} connections",
            ChaosFault.HoldClients => await HoldAsync(cluster.Clients, Between(1, 6)),
            ChaosFault.HoldWorkers => await HoldWorkersAsync(),
            ChaosFault.FillDisk => await FillDiskAsync(),
            _ => throw new InvalidOperationException($"{fault} is no fault"),
        };
        return string.Create(CultureInfo.InvariantCulture,
            $"{fault}: {what}; {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s");
    }

    private async Task<string> KillWorkerAsync()
    {
        var worker = AnyWorker();
        await worker.KillAsync();
        await Task.Delay(Between(0, 2));
        await worker.StartAsync();
        return $"started again as {worker.Process.Id}";
    }

    private async Task<string> PauseWorkerAsync()
    {
        var worker = AnyWorker();
        var before = worker.Registrations();
        // The scheduler looks once a second.
        var text = await PauseAsync(worker.Process, Liveness + Between(1.5, 3));
        await worker.RegisteredAsync(before);
        return text;
    }

    private async Task<string> RestartClusterAsync(bool kill)
    {
        var outage = TimeSpan.Zero;
        await RegisteringAsync(async () =>
        {
            outage = await cluster.RestartAsync(kill);
            return "";
        });
        return outage <= LongestOutage
            ? string.Create(CultureInfo.InvariantCulture, $"away for {outage.TotalSeconds:0.0} s")
            : throw new InvalidOperationException($"the cluster was away for {outage}, which no client has to bear");
    }

    private async Task<string> HoldWorkersAsync() =>
        await RegisteringAsync(() => HoldAsync(cluster.WorkerApi, Liveness + Between(1.5, 3)));

    /// <summary>
    /// Fills the disk until something has failed by it: whoever meets it again and again meets it no more often than
    /// the scheduler tries.
    /// </summary>
    private async Task<string> FillDiskAsync()
    {
        var disk = cluster.Disks[random.Next(cluster.IsSeparate ? 1 : 0, cluster.Disks.Count)];
        var log = cluster.Logs[^1];
        var before = ServerLog.Attempts(log).Failed;
        var balloon = Path.Combine(disk, "balloon");
        try
        {
            Fill(balloon);
            await ServerLog.UntilAsync(
                () => ServerLog.Attempts(log).Failed - before >= MostFailedByDisk, LongestFull);
        }
        finally
        {
            File.Delete(balloon);
        }
        return $"{ServerLog.Attempts(log).Failed - before} attempts failed";
    }

    private static void Fill(string file)
    {
        var piece = new byte[1 << 20];
        using var balloon = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        for (var length = piece.Length; length > 0;)
        {
            try
            {
                balloon.Write(piece, 0, length);
            }
            catch (IOException)
            {
                length /= 2;
            }
        }
    }

    private static async Task<string> PauseAsync(ServerProcess process, TimeSpan time)
    {
        process.Signal("STOP");
        await Task.Delay(time);
        process.Signal("CONT");
        return string.Create(CultureInfo.InvariantCulture, $"for {time.TotalSeconds:0.0} s");
    }

    private static async Task<string> HoldAsync(FaultProxy proxy, TimeSpan time)
    {
        proxy.Hold();
        await Task.Delay(time);
        proxy.Release();
        return string.Create(CultureInfo.InvariantCulture, $"for {time.TotalSeconds:0.0} s");
    }

    private Task<string> RegisteringAsync(Func<string> happen) => RegisteringAsync(() => Task.FromResult(happen()));

    /// <summary>What makes every worker register anew.</summary>
    private async Task<string> RegisteringAsync(Func<Task<string>> happen)
    {
        var before = cluster.Separate.ToDictionary(static worker => worker, static worker => worker.Registrations());
        var text = await happen();
        foreach (var (worker, times) in before)
            await worker.RegisteredAsync(times);
        return text;
    }

    private ChaosWorker AnyWorker() => cluster.Separate[random.Next(cluster.Separate.Count)];

    private TimeSpan Between(double least, double most) =>
        TimeSpan.FromSeconds(least + (random.NextDouble() * (most - least)));
}
