using System.Diagnostics;
using System.Globalization;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Chaos;

/// <summary>
/// A <c>local</c> that comes back on the same data directory, and workers in it or in processes of their own; whoever
/// speaks to it does so through proxies.
/// </summary>
internal sealed class ChaosCluster : IAsyncDisposable
{
    /// <summary>What one operation may meet: the scheduler's own setting.</summary>
    public const int MaxJobRetries = 8;

    private const long DiskBytes = 400L << 20;
    private const string StoreBytes = "150mb";
    private const int Inflight = 2;
    private const int Workers = 2;

    private static readonly TimeSpan EndBound = TimeSpan.FromSeconds(20);

    private readonly BenchContext _context;
    private readonly string _file;
    private readonly List<Volume> _disks = [];
    private readonly string _logs;
    private ServerProcess? _server;
    private int _starts;

    private ChaosCluster(BenchContext context, string data, bool separate)
    {
        (_context, Data, IsSeparate) = (context, data, separate);
        _logs = context.NewDirectory("chaos-logs");
        _file = Path.Combine(_logs, "local.json5");
    }

    /// <summary>Whether the workers are processes of their own.</summary>
    public bool IsSeparate { get; }

    /// <summary>What the cluster keeps, on a disk of its own where this process may mount one.</summary>
    public string Data { get; }

    /// <summary>Between Bazel and the cluster.</summary>
    public FaultProxy Clients { get; } = new();

    /// <summary>Between the workers and the scheduler.</summary>
    public FaultProxy WorkerApi { get; } = new();

    /// <summary>Between the workers and the CAS.</summary>
    public FaultProxy Stores { get; } = new();

    public List<ChaosWorker> Separate { get; } = [];

    public ServerProcess Server => _server ?? throw new InvalidOperationException("the cluster has not been started");

    /// <summary>The process ids that the cluster itself has had.</summary>
    public List<int> Ids { get; } = [];

    /// <summary>What each of its starts has said, in a file each.</summary>
    public IReadOnlyList<string> Logs => [.. Enumerable.Range(1, _starts).Select(LogOf)];

    /// <summary>Directories that a full disk is under; empty where none could be mounted.</summary>
    public IReadOnlyList<string> Disks => [.. _disks.Select(static disk => disk.Path)];

    public static async Task<ChaosCluster> StartAsync(BenchContext context, bool separate)
    {
        var cluster = new ChaosCluster(context, context.NewDirectory("chaos"), separate);
        await cluster.MountAsync(cluster.Data);
        LocalFile.Write(cluster._file, cluster.Data, $"max_bytes: \"{StoreBytes}\"",
            scheduler: string.Create(CultureInfo.InvariantCulture, $"max_job_retries: {MaxJobRetries}"));
        await cluster.StartServerAsync();
        for (var number = 1; separate && number <= Workers; number++)
        {
            var directory = context.NewDirectory("chaos-worker");
            await cluster.MountAsync(directory);
            var worker = new ChaosWorker(context, directory, WorkerFile.Write(directory, cluster.WorkerApi.Address,
                cluster.Stores.Address, Inflight, StoreBytes, "max_retries: 5, delay: 0.3, jitter: 0.5"));
            cluster.Separate.Add(worker);
            await worker.StartAsync();
        }
        return cluster;
    }

    /// <summary>Ends the cluster and starts it again; for how long it was not there.</summary>
    /// <param name="kill">By SIGKILL; else by SIGTERM.</param>
    public async Task<TimeSpan> RestartAsync(bool kill)
    {
        if (kill)
            Server.Kill();
        else if (!await Server.EndsWithinAsync(EndBound))
            throw new InvalidOperationException(
                $"the cluster did not end within {EndBound} of SIGTERM: {ServerLog.Tail(LogOf(_starts))}");
        var began = Stopwatch.GetTimestamp();
        await Server.DisposeAsync();
        foreach (var proxy in (FaultProxy[])[Clients, WorkerApi, Stores])
            proxy.Server = null;
        await StartServerAsync();
        return Stopwatch.GetElapsedTime(began);
    }

    /// <summary>Ends everything as an operator would: the workers first.</summary>
    public async Task EndAsync()
    {
        foreach (var worker in Separate)
        {
            if (!await worker.Process.EndsWithinAsync(EndBound))
                throw new InvalidOperationException($"a worker did not end: {ServerLog.Tail(worker.Log)}");
        }
        if (!await Server.EndsWithinAsync(EndBound))
            throw new InvalidOperationException($"the cluster did not end: {ServerLog.Tail(LogOf(_starts))}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in Separate)
            await worker.DisposeAsync();
        if (_server is not null)
            await _server.DisposeAsync();
        foreach (var proxy in (FaultProxy[])[Clients, WorkerApi, Stores])
            await proxy.DisposeAsync();
        foreach (var disk in _disks)
            disk.Dispose();
    }

    private async Task StartServerAsync()
    {
        string[] workers = IsSeparate
            ? ["--workers", "0"]
            : ["--workers", $"{Workers}", "--max-inflight", $"{Inflight}"];
        _server = await ServerProcess.StartLoggedAsync(
            _context, Data, LogOf(++_starts), null, ["--config", _file, .. workers]);
        Ids.Add(_server.Id);
        (Clients.Server, Stores.Server, WorkerApi.Server) = (_server.Client, _server.Client, _server.WorkerApi);
    }

    private async Task MountAsync(string directory)
    {
        if (Environment.IsPrivilegedProcess)
            _disks.Add(await Volume.MountSmallAsync(directory, DiskBytes));
    }

    private string LogOf(int start) => Path.Combine(_logs, $"local-{start}");
}
