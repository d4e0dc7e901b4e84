using Akka.Actor;

namespace NativeLink.Actors.Worker.Tests.Simulation;

/// <summary>The scheduler's clock for whoever asks a <see cref="TimeProvider"/>, and delays on it.</summary>
internal sealed class SimTime(IScheduler scheduler) : TimeProvider
{
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => scheduler.Now;

    public override long GetTimestamp() => scheduler.Now.UtcTicks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new Timer(scheduler, () => callback(state), dueTime, period);

    /// <summary>What is done at a moment that is still to come: the scheduler loses what is due at once.</summary>
    public void After(TimeSpan delay, Action action) =>
        scheduler.Advanced.ScheduleOnce(delay > TimeSpan.Zero ? delay : TimeSpan.FromTicks(1), action);

    /// <summary>Completes on the thread that moves the clock.</summary>
    public Task DelayAsync(TimeSpan delay, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var source = new TaskCompletionSource();
        var registered = cancellation.Register(() => source.TrySetCanceled(cancellation));
        After(delay, () =>
        {
            registered.Dispose();
            source.TrySetResult();
        });
        return source.Task;
    }

    private sealed class Timer : ITimer
    {
        private readonly IScheduler _scheduler;
        private readonly Action _callback;
        private Cancelable? _pending;

        public Timer(IScheduler scheduler, Action callback, TimeSpan dueTime, TimeSpan period)
        {
            (_scheduler, _callback) = (scheduler, callback);
            Change(dueTime, period);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _pending?.Cancel();
            _pending = new Cancelable(_scheduler.Advanced);
            if (dueTime == Timeout.InfiniteTimeSpan)
                return true;
            var due = dueTime > TimeSpan.Zero ? dueTime : TimeSpan.FromTicks(1);
            if (period > TimeSpan.Zero)
                _scheduler.Advanced.ScheduleRepeatedly(due, period, _callback, _pending);
            else
                _scheduler.Advanced.ScheduleOnce(due, _callback, _pending);
            return true;
        }

        public void Dispose() => _pending?.Cancel();

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
