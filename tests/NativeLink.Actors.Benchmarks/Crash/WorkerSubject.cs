using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Testing.Scheduling;

namespace NativeLink.Actors.Benchmarks.Crash;

/// <summary>A worker with a store of its own; scheduler and remote CAS are in other processes, which live on.</summary>
internal sealed class WorkerSubject : ISubject
{
    private readonly BenchContext _context;
    private readonly ServerProcess _cas;
    private readonly ScriptedScheduler _scheduler;
    private readonly string _file;
    private ServerProcess? _process;
    private ScriptedWorker? _session;

    private WorkerSubject(BenchContext context, ServerProcess cas, ScriptedScheduler scheduler)
    {
        (_context, _cas, _scheduler) = (context, cas, scheduler);
        Data = context.NewDirectory("crash-worker");
        _file = WorkerFile.Write(Data, scheduler.Address.Authority, cas.Client, maxBytes: CrashFile.StoreBytes);
    }

    public string Name => "worker";

    public string Data { get; }

    public string Content => WorkerFile.Store(Data).Content;

    public string Cas => _cas.Client;

    public ServerProcess Process => _process ?? throw new InvalidOperationException("the worker has not been started");

    public static async Task<WorkerSubject> CreateAsync(BenchContext context)
    {
        var data = context.NewDirectory("crash-remote");
        var cas = ServerProcess.LaunchLocal(context, data, CrashFile.WriteLocal(data), "--workers", "0");
        await cas.ReadyAsync();
        return new WorkerSubject(context, cas, await ScriptedScheduler.StartAsync());
    }

    public async Task StartAsync()
    {
        _process = Launch();
        _session = await _process.ExpectAsync(_scheduler.NextAsync());
    }

    public async Task StartAndKillAsync(TimeSpan after)
    {
        await using var process = Launch();
        await Task.Delay(after);
        process.Kill();
    }

    public async Task<Reapi.ActionResult> ExecuteAsync(LoadClient client, Digest action) =>
        (await _session!.RunAsync(action)).Result;

    public Task IndexEqualsDiskAsync(IReadOnlyCollection<Digest> known)
    {
        StoreChecks.IndexOfNewProcess(Content, WorkerFile.Store(Data).Temp);
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
        await _scheduler.DisposeAsync();
        await _cas.DisposeAsync();
    }

    private ServerProcess Launch() => ServerProcess.StartWorker(_context, _file);
}
