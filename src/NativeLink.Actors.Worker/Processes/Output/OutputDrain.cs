using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace NativeLink.Actors.Worker.Processes.Output;

/// <summary>
/// Empties the pipes of all actions into their files, on one thread, in
/// the kernel: nothing of it comes into this process's memory. Whoever
/// says nothing wakes nobody up, and many small writes are taken together.
/// </summary>
internal sealed unsafe class OutputDrain : IDisposable
{
    private const long MostAtOnce = 1 << 20;
    private const long Much = 1 << 15;
    private const int RestMilliseconds = 2;

    private readonly ILogger _log;
    private readonly Epoll _epoll = new("pipes");
    private readonly ConcurrentDictionary<long, ActionOutput> _watched = new();
    private readonly ConcurrentQueue<ActionOutput> _ended = new();
    private readonly Action<ActionOutput> _unwatch;
    private readonly Thread _thread;
    private long _numbers;
    private volatile bool _stopping;

    internal OutputDrain(ILogger log)
    {
        (_log, _unwatch) = (log, Unwatch);
        try
        {
            // A write beyond RLIMIT_FSIZE is an error to be told, not the end of this process.
            // Children have the default again.
            Libc.IgnoreSignal(Signals.FileSizeExceeded);
            OutputStream.OpenNowhere();
            _thread = WorkerThread.Start(Loop, "output-drain");
        }
        catch
        {
            _epoll.Dispose();
            throw;
        }
    }

    /// <summary>Begins to empty the pipes of a process, which may have been running for a moment.</summary>
    /// <returns>Whether they can be watched; where not, the process is to be ended, and its outcome says why.</returns>
    internal bool TryWatch(ActionOutput output)
    {
        output.Number = Interlocked.Increment(ref _numbers);
        _watched[output.Number] = output;
        var (stdout, stderr) = output.ReadEnds;
        if (Add(stdout, output.Number << 1) && Add(stderr, (output.Number << 1) | 1)) return true;
        output.Refuse(Errno.Last);
        return false;
    }

    /// <summary>
    /// Keeps what is left in the pipes and closes them; tells, at once or from another thread, when
    /// the files hold it all, or why not.
    /// </summary>
    internal void Finish(ActionOutput output, Action<Fault?> done)
    {
        if (output.TryFinish(_unwatch, out var fault))
        {
            done(fault);
            return;
        }

        output.FinishLater(done);
        _ended.Enqueue(output);
        _epoll.Wake();
    }

    /// <summary>Closes them without keeping anything more.</summary>
    internal void Discard(ActionOutput output) => output.Discard(_unwatch);

    public void Dispose()
    {
        _stopping = true;
        _epoll.Wake();
        _thread.Join();
        foreach (var output in _watched.Values) output.Finish(_unwatch);
        _epoll.Dispose();
    }

    private void Unwatch(ActionOutput output)
    {
        if (!_watched.TryRemove(output.Number, out _)) return;
        // By itself it would go only when the last copy of the descriptor does, and a child that is
        // just being spawned has one.
        var (stdout, stderr) = output.ReadEnds;
        if (stdout >= 0) _epoll.Forget(stdout);
        if (stderr >= 0) _epoll.Forget(stderr);
    }

    private bool Add(int pipe, long tag) => pipe < 0 || _epoll.TryWatch(pipe, tag);

    private void Loop()
    {
        Span<long> tags = stackalloc long[64];
        var last = Stopwatch.GetTimestamp();
        while (!_stopping)
        {
            long most = 0;
            foreach (var tag in _epoll.Wait(tags, -1))
            {
                if (_watched.TryGetValue(tag >> 1, out var output))
                    most = Math.Max(most, Empty(output, (tag & 1) != 0));
            }

            FinishEnded();
            var now = Stopwatch.GetTimestamp();
            if (most is > 0 and < Much
                && Stopwatch.GetElapsedTime(last, now).TotalMilliseconds < RestMilliseconds) Rest();
            last = now;
        }

        FinishEnded();
    }

    private long Empty(ActionOutput output, bool stderr)
    {
        try
        {
            return output.Empty(stderr, MostAtOnce);
        }
        catch (Exception error)
        {
            // It would be told of the same bytes over and over; what is left of them is kept, or not, at the end.
            _log.DrainFailed(error);
            output.Leave(_unwatch);
            output.Failed?.Invoke();
            return 0;
        }
    }

    private void FinishEnded()
    {
        while (_ended.TryDequeue(out var output))
        {
            if (Guarded(output, static (ended, unwatch) => ended.TryFinishWithRest(unwatch))) continue;
            _ = Task.Factory.StartNew(
                () => Guarded(output, static (ended, unwatch) =>
                {
                    ended.Finish(unwatch);
                    return true;
                }),
                CancellationToken.None, TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
        }
    }

    /// <summary>Nothing that goes wrong with one action may stop the thread that all of them need.</summary>
    private bool Guarded(ActionOutput output, Func<ActionOutput, Action<ActionOutput>, bool> step)
    {
        try
        {
            return step(output, _unwatch);
        }
        catch (Exception error)
        {
            _log.DrainFailed(error);
            Discard(output);
            output.Abandon(error);
            return true;
        }
    }

    /// <summary>Lets small writes gather. Whoever has ended does not wait for it.</summary>
    private void Rest() => _epoll.Rest(RestMilliseconds);
}
