using System.Globalization;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Chaos;

/// <summary>A worker in a process of its own that comes back, under the same file, whenever it was killed.</summary>
internal sealed class ChaosWorker(BenchContext context, string directory, string file) : IAsyncDisposable
{
    private static readonly TimeSpan RegisterBound = TimeSpan.FromSeconds(60);

    private readonly string _log = Path.Combine(directory + "-log");
    private ServerProcess? _process;

    public string Directory => directory;

    public ServerProcess Process => _process ?? throw new InvalidOperationException("the worker has not been started");

    /// <summary>The process ids that it has had.</summary>
    public List<int> Ids { get; } = [];

    /// <summary>Where what this worker and those before it have said is.</summary>
    public string Log => _log;

    public async Task StartAsync()
    {
        var before = Registrations();
        _process = ServerProcess.StartWorkerLogged(context, file, _log);
        Ids.Add(_process.Id);
        await RegisteredAsync(before);
    }

    /// <summary>How often it has registered so far.</summary>
    public int Registrations() => ServerLog.Count(_log, "registered as");

    /// <summary>Waits until it has registered once more than it had.</summary>
    public async Task RegisteredAsync(int before)
    {
        if (!await ServerLog.UntilAsync(() => Registrations() > before, RegisterBound))
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
                $"a worker did not register within {RegisterBound.TotalSeconds} s; its log: {ServerLog.Tail(_log)}"));
    }

    public async Task KillAsync()
    {
        Process.Kill();
        await Process.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
    }
}
