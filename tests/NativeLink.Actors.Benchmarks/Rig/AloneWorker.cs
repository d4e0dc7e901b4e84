using NativeLink.Actors.Protocol;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Testing.Scheduling;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>
/// The published worker with a scripted scheduler and its own store as the CAS: no call but those
/// of the scheduler's stream leaves it. Blobs are put into its store from here, as another process
/// that shares the store would.
/// </summary>
internal sealed class AloneWorker : IAsyncDisposable
{
    private readonly ScriptedScheduler _scheduler;
    private readonly ServerProcess _process;
    private readonly string _directory;
    private readonly int? _user;

    private AloneWorker(ScriptedScheduler scheduler, ServerProcess process, ScriptedWorker session, string directory,
        int? user) =>
        (_scheduler, _process, Session, _directory, _user) = (scheduler, process, session, directory, user);

    public ScriptedWorker Session { get; }

    public ScriptedScheduler Scheduler => _scheduler;

    public ServerProcess Process => _process;

    public BlobSet Blobs { get; } = new();

    /// <param name="user">The ordinary user that the worker runs as; null: the user of this process.</param>
    public static async Task<AloneWorker> StartAsync(BenchContext context, string directory, int? user = null)
    {
        var scheduler = await ScriptedScheduler.StartAsync();
        var file = WorkerFile.WriteAlone(directory, scheduler.Address.Authority);
        if (user is { } owner)
            await OwnAsync(directory, owner);
        var process = user is { } id
            ? ServerProcess.StartWorkerAs(id, context, file)
            : ServerProcess.StartWorker(context, file);
        return new AloneWorker(scheduler, process, await process.ExpectAsync(scheduler.NextAsync()), directory, user);
    }

    /// <summary>Puts what was added to <see cref="Blobs"/> into the worker's store.</summary>
    public async Task StoreAsync()
    {
        var (content, temp) = WorkerFile.Store(_directory);
        using (var store = ContentStore.Open(new ContentStoreOptions(content, temp), TimeProvider.System))
            Blobs.PutInto(store);
        // A user may link to files of his own only (proc(5), protected_hardlinks).
        if (_user is { } owner)
            await OwnAsync(content, owner);
    }

    public async Task<(TimeSpan Took, Reapi.ActionResult Result)> RunAsync(Digest action) =>
        await Session.RunAsync(action);

    private static async Task OwnAsync(string directory, int user)
    {
        var (code, output) = await BenchContext.RunAsync(
            "chown", ["-R", $"{user}:{user}", directory], TimeSpan.FromMinutes(5));
        if (code != 0)
            throw new CannotMeasureException(output.Trim());
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        await _scheduler.DisposeAsync();
    }
}
