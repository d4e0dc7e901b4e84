using System.Globalization;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Soak;

/// <summary>
/// Whose memory, descriptors and so on are watched: a <c>local</c> with its worker, or a worker in a process of its own
/// beside a <c>local</c> that has none. Stores hold so few blobs that they are full early, and evict from then on.
/// </summary>
internal sealed class SoakSubject : IAsyncDisposable
{
    public const string Local = "local";
    public const string Worker = "worker";

    public const int Inflight = 8;

    private const int OrdinaryUser = 1000;
    private const int MostBlobs = 30_000;
    private const int FewestBlobs = 3_000;
    private const long BytesForEachBlob = 20_000;
    private static readonly TimeSpan SetUpBound = TimeSpan.FromSeconds(30);

    private readonly ServerProcess _cluster;
    private readonly ServerProcess? _worker;

    private SoakSubject(ServerProcess cluster, ServerProcess? worker, string data, string log) =>
        (_cluster, _worker, Data, Log) = (cluster, worker, data, log);

    public ServerProcess Process => _worker ?? _cluster;

    /// <summary>Where clients connect.</summary>
    public string Client => _cluster.Client;

    /// <summary>All that it keeps is below it.</summary>
    public string Data { get; }

    public string Log { get; }

    /// <param name="name"><see cref="Local"/> or <see cref="Worker"/>.</param>
    /// <param name="count">How many actions there will be: the stores are full before half of them, as an action has
    /// some four blobs and a hundred kilobytes.</param>
    /// <param name="asUser">As an ordinary user, where this process may become one.</param>
    public static async Task<SoakSubject> StartAsync(BenchContext context, string name, int count, bool asUser)
    {
        var blobs = Math.Clamp(count, FewestBlobs, MostBlobs);
        var (data, logs) = (context.NewDirectory("soak"), context.NewDirectory("soak-log"));
        int? user = asUser && Environment.IsPrivilegedProcess ? OrdinaryUser : null;
        if (name == Local)
        {
            var file = WriteLocal(data, blobs);
            await OwnAsync(data, user);
            var log = Path.Combine(logs, "local");
            return new SoakSubject(await ServerProcess.StartLoggedAsync(context, data, log, user, "--config", file,
                "--workers", "1", "--max-inflight", $"{Inflight}"), null, data, log);
        }
        var cas = context.NewDirectory("soak-cas");
        var cluster = await ServerProcess.StartLoggedAsync(
            context, cas, Path.Combine(logs, "local"), null, "--config", WriteLocal(cas, blobs), "--workers", "0");
        var own = WorkerFile.Write(data, cluster.WorkerApi, cluster.Client, Inflight,
            string.Create(CultureInfo.InvariantCulture, $"{BytesForEachBlob * blobs}"), maxCount: blobs);
        await OwnAsync(data, user);
        var said = Path.Combine(logs, "worker");
        var worker = ServerProcess.StartWorkerLogged(context, own, said, user);
        return await ServerLog.UntilAsync(() => ServerLog.Count(said, "registered as") > 0, SetUpBound)
            ? new SoakSubject(cluster, worker, data, said)
            : throw new InvalidOperationException($"the worker did not register: {ServerLog.Tail(said)}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_worker is not null)
            await _worker.DisposeAsync();
        await _cluster.DisposeAsync();
    }

    private static async Task OwnAsync(string data, int? user)
    {
        if (user is not { } owner)
            return;
        var (code, output) = await BenchContext.RunAsync("chown",
            ["-R", string.Create(CultureInfo.InvariantCulture, $"{owner}:{owner}"), data], SetUpBound);
        if (code != 0)
            throw new InvalidOperationException(output);
    }

    private static string WriteLocal(string data, int blobs) => LocalFile.Write(
        Path.Combine(data, "local.json5"), data,
        string.Create(CultureInfo.InvariantCulture, $"max_bytes: {BytesForEachBlob * blobs}, max_count: {blobs}"),
        string.Create(CultureInfo.InvariantCulture, $"max_bytes: \"1gb\", max_count: {blobs / 8}"));
}
