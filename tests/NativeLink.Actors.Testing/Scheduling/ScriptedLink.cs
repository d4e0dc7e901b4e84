using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Connection.WorkerApi;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Testing.Scheduling;

/// <summary>
/// <see cref="ScriptedScheduler"/> without a wire, for tests whose clock stands until they move it: a scheduler that
/// says what the test says, in the words of NativeLink; each connection attempt becomes a stream that the test accepts
/// or refuses.
/// </summary>
internal sealed class ScriptedLink : ISchedulerLink
{
    private readonly Channel<ScriptedStream> _attempts = Channel.CreateUnbounded<ScriptedStream>();

    /// <summary>Attempts fail at once with this reason while it is set.</summary>
    public string? Unreachable { get; set; }

    public Task<ISchedulerSession> ConnectAsync(
        Registration registration, Action<SchedulerMessage> onMessage, Action<Fault?> onEnd,
        CancellationToken cancellation)
    {
        var stream = new ScriptedStream(WorkerApiTranslator.ToWire(registration), onMessage, onEnd);
        _attempts.Writer.TryWrite(stream);
        return Unreachable is { } reason
            ? Task.FromException<ISchedulerSession>(new FaultException(FaultKind.Worker, reason))
            : Task.FromResult<ISchedulerSession>(stream);
    }

    public async Task<ScriptedStream> NextAsync() =>
        await _attempts.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));

    public bool Connected => _attempts.Reader.Count > 0;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>One stream as the scheduler sees it.</summary>
internal sealed class ScriptedStream(
    Wire.ConnectWorkerRequest hello, Action<SchedulerMessage> onMessage, Action<Fault?> onEnd) : ISchedulerSession
{
    private readonly WorkerApiTranslator _translator = new();
    private readonly Channel<Wire.UpdateForScheduler> _received = Channel.CreateUnbounded<Wire.UpdateForScheduler>();
    private TaskCompletionSource _gone = Gone();
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Wire.ConnectWorkerRequest Hello => hello;

    public Task Disposed => _disposed.Task.WaitAsync(TimeSpan.FromSeconds(30));

    public bool TakesMessages { get; set; } = true;

    /// <summary>Everything but keep-alives, which come when they like, in order.</summary>
    public ConcurrentQueue<Wire.UpdateForScheduler> Seen { get; } = new();

    public void Greet(string id = "worker-1") => Say(new Wire.UpdateForWorker
    {
        ConnectionResult = new Wire.ConnectionResult { WorkerId = id },
    });

    public void Say(Wire.UpdateForWorker update)
    {
        if (_translator.FromWire(update) is { } message)
            onMessage(message);
    }

    public void Start(Wire.StartExecute start) => Say(new Wire.UpdateForWorker { StartAction = start });

    public void Kill(string id) => Say(new Wire.UpdateForWorker
    {
        KillOperationRequest = new Wire.KillOperationRequest { OperationId = id },
    });

    public void End(string? reason = null) => onEnd(reason is null ? null : new Fault(FaultKind.Worker, reason));

    public async Task<Wire.UpdateForScheduler> ReadAsync() =>
        await _received.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));

    public async Task<Wire.ExecuteResult> ResultAsync()
    {
        var message = await ReadAsync();
        return message.ExecuteResult ?? throw new InvalidOperationException($"no result came, but {message}");
    }

    /// <summary>Every message that comes before the stop, also those that are read after it.</summary>
    public async IAsyncEnumerable<Wire.UpdateForScheduler> ReadUntilAsync(
        [EnumeratorCancellation] CancellationToken stop)
    {
        await using var end = stop.Register(() => _received.Writer.TryComplete());
        await foreach (var message in _received.Reader.ReadAllAsync(CancellationToken.None))
            yield return message;
    }

    /// <summary>The transport fails in a way that nobody has foreseen.</summary>
    public bool Throws { get; set; }

    /// <summary>The transport does not say that it has taken the last message, while set.</summary>
    public bool HoldsGoingAway
    {
        set
        {
            if (!value)
                _gone.TrySetResult();
            else
                _gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>The transport takes results, and does not say so.</summary>
    public bool HoldsResults { get; set; }

    public bool Silent => _received.Reader.Count == 0;

    public Task SendAsync(WorkerMessage told, CancellationToken cancellation)
    {
        var message = _translator.ToWire(told);
        if (Throws)
            throw new InvalidOperationException("the test wants it");
        if (!TakesMessages)
            return Task.FromException(new FaultException(FaultKind.Worker, "the stream has ended"));
        if (message.KeepAliveRequest is null) Seen.Enqueue(message);
        _received.Writer.TryWrite(message);
        if (HoldsResults && message.ExecuteResult is not null)
            return new TaskCompletionSource().Task;
        return message.GoingAwayRequest is null ? Task.CompletedTask : _gone.Task;
    }

    private static TaskCompletionSource Gone()
    {
        var gone = new TaskCompletionSource();
        gone.SetResult();
        return gone;
    }

    public ValueTask DisposeAsync()
    {
        _disposed.TrySetResult();
        return ValueTask.CompletedTask;
    }
}
