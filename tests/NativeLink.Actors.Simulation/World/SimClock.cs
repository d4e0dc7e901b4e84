using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Event;

namespace NativeLink.Actors.Simulation.World;

/// <summary>
/// Akka's scheduler on virtual time: a queue of what is due, in the order of its time and, at one time, of its coming.
/// Time jumps from one to the next, so an idle second costs nothing.
/// </summary>
internal sealed class SimClock(
    Config config, ILoggingAdapter log) : SchedulerBase(config, log), IDateTimeOffsetNowTimeProvider
{
    /// <summary>When every simulation begins.</summary>
    public static readonly DateTimeOffset Start = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);

    // What is due at once comes a moment later: never inside of the call that asked for it.
    private static readonly TimeSpan Moment = TimeSpan.FromTicks(1);

    private readonly PriorityQueue<Due, (long Ticks, long Number)> _queue = new();
    private long _number;

    public DateTimeOffset UtcNow { get; private set; } = Start;

    /// <summary>What somebody has set the hosts' clocks ahead, or back.</summary>
    public TimeSpan Offset { get; set; }

    /// <summary>As the hosts' clocks have it.</summary>
    public DateTimeOffset WallNow => UtcNow + Offset;

    /// <summary>Virtual time since the start.</summary>
    public TimeSpan Elapsed => UtcNow - Start;

    public override TimeSpan MonotonicClock => Elapsed;

    public override TimeSpan HighResMonotonicClock => Elapsed;

    protected override DateTimeOffset TimeNow => WallNow;

    /// <summary>Goes on to what is due next, and does it; false when nothing is.</summary>
    public bool Advance()
    {
        while (_queue.TryDequeue(out var due, out var at))
        {
            if (due.Cancelable is { IsCancellationRequested: true })
                continue;
            UtcNow = new DateTimeOffset(at.Ticks, TimeSpan.Zero);
            if (due.Interval is { } interval)
                Add(interval, due);
            due.Action();
            return true;
        }
        return false;
    }

    protected override void InternalScheduleTellOnce(
        TimeSpan delay, ICanTell receiver, object message, IActorRef sender, ICancelable cancelable) =>
        Add(delay, new Due(() => receiver.Tell(message, sender), cancelable, null));

    protected override void InternalScheduleTellRepeatedly(
        TimeSpan initialDelay, TimeSpan interval, ICanTell receiver, object message, IActorRef sender,
        ICancelable cancelable) =>
        Add(initialDelay, new Due(() => receiver.Tell(message, sender), cancelable, interval));

    protected override void InternalScheduleOnce(TimeSpan delay, Action action, ICancelable cancelable) =>
        Add(delay, new Due(action, cancelable, null));

    protected override void InternalScheduleOnce(TimeSpan delay, IRunnable action, ICancelable cancelable) =>
        Add(delay, new Due(action.Run, cancelable, null));

    protected override void InternalScheduleRepeatedly(
        TimeSpan initialDelay, TimeSpan interval, Action action, ICancelable cancelable) =>
        Add(initialDelay, new Due(action, cancelable, interval));

    protected override void InternalScheduleRepeatedly(
        TimeSpan initialDelay, TimeSpan interval, IRunnable action, ICancelable cancelable) =>
        Add(initialDelay, new Due(action.Run, cancelable, interval));

    private void Add(TimeSpan delay, Due due) =>
        _queue.Enqueue(due, ((UtcNow + (delay > TimeSpan.Zero ? delay : Moment)).UtcTicks, _number++));

    private sealed record Due(Action Action, ICancelable? Cancelable, TimeSpan? Interval);
}
