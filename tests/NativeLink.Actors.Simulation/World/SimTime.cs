using Akka.Actor;

namespace NativeLink.Actors.Simulation.World;

/// <summary>The virtual clock for whoever asks a <see cref="TimeProvider"/>, and delays on it.</summary>
internal sealed class SimTime(SimClock clock) : TimeProvider
{
    public SimClock Clock => clock;

    private IAdvancedScheduler Advanced => clock;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>As the hosts' clocks have it, which are set now and then; what they count by goes on.</summary>
    public override DateTimeOffset GetUtcNow() => clock.WallNow;

    public override long GetTimestamp() => clock.UtcNow.UtcTicks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new Timer(Advanced, () => callback(state), dueTime, period);

    /// <summary>Each period from one period on.</summary>
    public void Each(TimeSpan period, Action action) => Advanced.ScheduleRepeatedly(period, period, action);

    /// <summary>What is done at a moment that is still to come.</summary>
    public void After(TimeSpan delay, Action action) => Advanced.ScheduleOnce(delay, action);

    /// <summary>
    /// Completes when the clock moves, also when it is cancelled: where a task runs on a
    /// dispatcher, what waits here would go on in the thread pool.
    /// </summary>
    public Task DelayAsync(TimeSpan delay, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var source = new TaskCompletionSource();
        var pending = new Cancelable((IActionScheduler)Advanced);
        var registered = cancellation.Register(() =>
        {
            pending.Cancel();
            Advanced.ScheduleOnce(TimeSpan.Zero, () => source.TrySetCanceled(cancellation));
        });
        Advanced.ScheduleOnce(delay, () =>
        {
            registered.Dispose();
            source.TrySetResult();
        }, pending);
        return source.Task;
    }

    private sealed class Timer : ITimer
    {
        private readonly IAdvancedScheduler _clock;
        private readonly Action _callback;
        private Cancelable? _pending;

        public Timer(IAdvancedScheduler clock, Action callback, TimeSpan dueTime, TimeSpan period)
        {
            (_clock, _callback) = (clock, callback);
            Change(dueTime, period);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _pending?.Cancel();
            _pending = new Cancelable((IActionScheduler)_clock);
            if (dueTime == Timeout.InfiniteTimeSpan)
                return true;
            if (period > TimeSpan.Zero)
                _clock.ScheduleRepeatedly(dueTime, period, _callback, _pending);
            else
                _clock.ScheduleOnce(dueTime, _callback, _pending);
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
