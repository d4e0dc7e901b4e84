using NativeLink.Actors.Simulation.Supervision;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Scheduling.Local;

/// <summary>
/// The clock of the local cluster's scheduler: tells when one of its timers has rung, since what the scheduler then has
/// to say lies in channels whose readers .NET would wake on the thread pool.
/// </summary>
internal sealed class ClusterTime(SimTime time, Action rung) : TimeProvider
{
    /// <summary>Who asks next for the time fails.</summary>
    public bool FailsNext { get; set; }

    public override long TimestampFrequency => time.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => time.GetUtcNow();

    public override long GetTimestamp()
    {
        if (!FailsNext)
            return time.GetTimestamp();
        FailsNext = false;
        throw new ThrownOnPurposeException("the scheduler's timer");
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        time.CreateTimer(told =>
        {
            callback(told);
            rung();
        }, state, dueTime, period);
}
