using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Benchmarks.Crash;

/// <summary><c>local</c>: scheduler, CAS, action cache and workers in the process that is killed.</summary>
internal sealed class LocalSubject(BenchContext context) : ISubject
{
    private ServerProcess? _process;

    public string Name => "local";

    public string Data { get; } = context.NewDirectory("crash-local");

    public string Content => Path.Combine(Data, "cas");

    public string Cas => Process.Client;

    public ServerProcess Process => _process ?? throw new InvalidOperationException("local has not been started");

    public async Task StartAsync()
    {
        _process = Launch();
        await _process.ReadyAsync();
    }

    public async Task StartAndKillAsync(TimeSpan after)
    {
        await using var process = Launch();
        await Task.Delay(after);
        process.Kill();
    }

    public Task<Reapi.ActionResult> ExecuteAsync(LoadClient client, Digest action) => client.ExecuteAsync(action);

    public Task IndexEqualsDiskAsync(IReadOnlyCollection<Digest> known) =>
        StoreChecks.IndexOfRunningCasAsync(Cas, Content, known);

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
    }

    private ServerProcess Launch() =>
        ServerProcess.LaunchLocal(context, Data, CrashFile.WriteLocal(Data), "--workers", "2", "--max-inflight", "4");
}
