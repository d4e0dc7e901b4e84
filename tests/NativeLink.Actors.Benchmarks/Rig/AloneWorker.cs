using NativeLink.Actors.Protocol;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>
/// The published worker with a scripted scheduler and its own store as the CAS: no call but those of the scheduler's stream leaves it. Blobs are put into
/// its store from here, as another process that shares the store would.
/// </summary>
internal sealed class AloneWorker : IAsyncDisposable
{
    private readonly ScriptedScheduler _scheduler;
    private readonly ServerProcess _process;
    private readonly string _directory;

    private AloneWorker(ScriptedScheduler scheduler, ServerProcess process, ScriptedScheduler.Session session, string directory) =>
        (_scheduler, _process, Session, _directory) = (scheduler, process, session, directory);

    public ScriptedScheduler.Session Session { get; }

    public BlobSet Blobs { get; } = new();

    public static async Task<AloneWorker> StartAsync(BenchContext context, string directory)
    {
        var scheduler = await ScriptedScheduler.StartAsync();
        var process = ServerProcess.StartWorker(context, WorkerFile.WriteAlone(directory, scheduler.Address));
        return new AloneWorker(scheduler, process, await process.ExpectAsync(scheduler.NextAsync()), directory);
    }

    /// <summary>Puts what was added to <see cref="Blobs"/> into the worker's store.</summary>
    public void Store()
    {
        var (content, temp) = WorkerFile.Store(_directory);
        using var store = ContentStore.Open(new ContentStoreOptions(content, temp), TimeProvider.System);
        Blobs.PutInto(store);
    }

    public async Task<(TimeSpan Took, Reapi.ActionResult Result)> RunAsync(Digest action) => await Session.RunAsync(action);

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        await _scheduler.DisposeAsync();
    }
}
