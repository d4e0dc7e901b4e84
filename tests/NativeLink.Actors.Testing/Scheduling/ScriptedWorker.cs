using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using Google.Protobuf;

namespace NativeLink.Actors.Testing.Scheduling;

/// <summary>One worker's stream, as <see cref="ScriptedScheduler"/> sees it.</summary>
public sealed class ScriptedWorker(Wire.ConnectWorkerRequest hello)
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource<(long At, Wire.ExecuteResult Result)>> _asked =
        new();
    private readonly Channel<byte[]> _unsaid = Channel.CreateUnbounded<byte[]>();
    private volatile bool _ended;

    /// <summary>What it registered with.</summary>
    public Wire.ConnectWorkerRequest Hello => hello;

    /// <summary>Called for each keep-alive, on the thread that reads the stream.</summary>
    public Action? KeptAlive { get; set; }

    /// <summary>Whether the worker has gone away.</summary>
    public bool HasEnded => _ended;

    internal ChannelReader<byte[]> Unsaid => _unsaid.Reader;

    /// <summary>
    /// Sends a start message and completes with its answer and when it came
    /// (<see cref="Stopwatch"/>), faulted when the stream ends before.
    /// </summary>
    public Task<(long At, Wire.ExecuteResult Result)> ExecuteAsync(Wire.StartExecute start)
    {
        var answer = new TaskCompletionSource<(long At, Wire.ExecuteResult Result)>(
            TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_asked.TryAdd(start.OperationId, answer))
            throw new InvalidOperationException($"operation {start.OperationId} was started before");
        Say(new Wire.UpdateForWorker { StartAction = start });
        // Asked for after the end: nobody else would answer it.
        if (_ended)
            Refuse(answer);
        return answer.Task;
    }

    /// <summary>Sends bytes as a message, whatever they are; after the stream's end they are lost.</summary>
    public void Say(byte[] message) => _unsaid.Writer.TryWrite(message);

    public void Say(Wire.UpdateForWorker message) => Say(message.ToByteArray());

    /// <summary>False when nobody waits for it.</summary>
    internal bool TryAnswer(Wire.ExecuteResult result) =>
        _asked.TryGetValue(result.OperationId, out var answer)
            && answer.TrySetResult((Stopwatch.GetTimestamp(), result));

    /// <summary>The worker has gone away: nobody answers what it still had.</summary>
    internal void End()
    {
        _ended = true;
        _unsaid.Writer.TryComplete();
        foreach (var answer in _asked.Values)
            Refuse(answer);
    }

    private static void Refuse(TaskCompletionSource<(long At, Wire.ExecuteResult Result)> answer) =>
        answer.TrySetException(new IOException("the worker's stream ended before it answered"));
}
