using NativeLink.Actors.Protocol;
using NativeLink.Actors.Testing.Scheduling;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>The published worker with a scripted scheduler and a CAS behind gRPC.</summary>
internal sealed class CasWorker : IAsyncDisposable
{
    private readonly ScriptedScheduler _scheduler;
    private readonly ServerProcess _process;
    private readonly ScriptedWorker _session;

    private CasWorker(ScriptedScheduler scheduler, ServerProcess process, ScriptedWorker session) =>
        (_scheduler, _process, _session) = (scheduler, process, session);

    public ScriptedWorker Session => _session;

    public ServerProcess Process => _process;

    /// <param name="cas">CAS and action cache, <c>host:port</c>.</param>
    /// <param name="noDelay">TCP_NODELAY on the scheduler's sockets.</param>
    /// <param name="maxBytes">What the worker's own store may hold.</param>
    public static async Task<CasWorker> StartAsync(
        BenchContext context, string directory, string cas, bool noDelay = true, string maxBytes = "20gb")
    {
        var scheduler = await ScriptedScheduler.StartAsync(noDelay: noDelay);
        var process = ServerProcess.StartWorker(
            context, WorkerFile.Write(directory, scheduler.Address.Authority, cas, maxBytes: maxBytes));
        return new CasWorker(scheduler, process, await process.ExpectAsync(scheduler.NextAsync()));
    }

    public async Task<(TimeSpan Took, Reapi.ActionResult Result)> RunAsync(Digest action) =>
        await _session.RunAsync(action);

    /// <summary>Makes the connections and compiles the code that every later action uses.</summary>
    public async Task WarmUpAsync(LoadClient client)
    {
        var root = InputTrees.Add(client.Blobs, 100, "warm");
        var actions = Enumerable.Range(0, 20).Select(i => client.Blobs.Add(["/bin/true"], root, salt: $"warm-{i}"))
            .ToArray();
        await client.UploadAsync();
        foreach (var action in actions)
            await RunAsync(action);
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        await _scheduler.DisposeAsync();
    }
}
