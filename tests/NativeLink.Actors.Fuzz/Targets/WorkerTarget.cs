using System.Collections.Concurrent;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Fuzz.Making;
using NativeLink.Actors.Testing.Workers;

namespace NativeLink.Actors.Fuzz.Targets;

/// <summary>
/// A worker between a scripted scheduler and a CAS in memory. One complete answer for each start,
/// nothing left behind, nothing written elsewhere, and a good action afterwards runs as ever.
/// </summary>
internal abstract class WorkerTarget : IFuzzTarget
{
    /// <summary>Longer than any machine takes for what is refused or ends by itself.</summary>
    protected static readonly TimeSpan Bound = TimeSpan.FromMinutes(2);

    private readonly ConcurrentQueue<string> _stray = new();
    private Canaries _canaries = null!;

    public abstract int AtOnce { get; }

    protected WorkerRig Rig { get; private set; } = null!;

    public async Task StartAsync()
    {
        _canaries = new Canaries();
        Rig = await WorkerRig.StartAsync(_canaries.Place, null, NullLoggerFactory.Instance);
        // A name with a dot is none of an action's.
        _canaries.Add(Directory.CreateDirectory(Path.Combine(Rig.WorkDirectory, ".others")).FullName);
        TaskScheduler.UnobservedTaskException += OnStray;
    }

    public abstract Task<IReadOnlyList<string>> RunAsync(Draw draw);

    public virtual async Task<IReadOnlyList<string>> CheckAsync()
    {
        var found = new List<string>();
        var command = new Reapi.Command
        {
            Arguments = { "/bin/sh", "-c", "printf made > out; exit 7" },
            OutputPaths = { "out" },
        };
        var action = new Reapi.Action
        {
            CommandDigest = Put(command),
            InputRootDigest = Put(new Reapi.Directory()),
            Salt = ByteString.CopyFromUtf8(Guid.NewGuid().ToString()),
        };
        var good = await Rig.ExecuteAsync(Digest.FromWire(Put(action), DigestFunction.Sha256, "the action"))
            .WaitAsync(Bound);
        if (good.ExecuteResponse?.Result is not { ExitCode: 7, OutputFiles: [{ Path: "out" }] })
            found.Add($"a good action afterwards was answered {good}");
        found.AddRange(Rig.Scheduler.Unasked.Select(stray => $"an answer that nobody asked for: {stray}"));
        Rig.Scheduler.Unasked.Clear();
        if (_canaries.Difference() is { } difference)
            found.Add(difference);
        found.AddRange((await Rig.LeftOverAsync()).Select(path => $"left in the work directory: {path}"));
        if (Rig.Host.Stopped.IsCompleted)
            found.Add($"the host has stopped: {(await Rig.Host.Stopped)?.Detail}");
        while (_stray.TryDequeue(out var stray))
            found.Add(stray);
        // Blobs of cases that are over are of no use to others.
        Rig.Cas.Blobs.Clear();
        return found;
    }

    public async ValueTask DisposeAsync()
    {
        TaskScheduler.UnobservedTaskException -= OnStray;
        await Rig.DisposeAsync();
        _canaries.Dispose();
    }

    protected Trees TreesOf(Draw draw) => new(draw, Rig, _canaries.Canary);

    protected Reapi.Digest Put(IMessage message) => Rig.Put(message, DigestFunction.Sha256).ToWire();

    /// <summary>Runs an action message, sound or not, and judges the answer.</summary>
    protected async Task<IReadOnlyList<string>> ExecuteAsync(byte[] action)
    {
        var start = Rig.Start(Rig.Put(action, DigestFunction.Sha256));
        try
        {
            return [.. Answers.Problems(await Rig.Scheduler.ExecuteAsync(start).WaitAsync(Bound), retryable: false)];
        }
        catch (Exception error) when (error is TimeoutException or IOException)
        {
            return [$"operation {start.OperationId} was not answered: {error.Message}"];
        }
    }

    private void OnStray(object? sender, UnobservedTaskExceptionEventArgs stray)
    {
        // Calls that end with their server are nobody's mistake.
        if (stray.Exception.InnerExceptions.Any(
            error => error is not (Grpc.Core.RpcException or OperationCanceledException or IOException)))
            _stray.Enqueue($"an exception that nobody looked at: {stray.Exception}");
    }
}
