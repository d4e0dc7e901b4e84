using Akka.Actor;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>
/// Drives a <see cref="SchedulerEngine"/>: owns it and the one timer behind all its deadlines,
/// receives what the services send, and answers through what they hand it. Supervised by
/// <see cref="LocalScheduler"/>'s system: should it fail, workers and clients are disconnected,
/// both come back by themselves, and an empty engine takes their place.
/// </summary>
internal sealed class SchedulerLoop : UntypedActor
{
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly SchedulerEngine _engine;
    private ITimer? _timer;
    private long _armedFor = long.MaxValue;

    public SchedulerLoop(SchedulerOptions options, TimeProvider time, ILogger log, Func<Guid>? newId)
    {
        (_time, _log) = (time, log);
        _engine = new SchedulerEngine(options, time, log, newId);
    }

    /// <param name="newId">Names operations, those who wait for them and workers; null: by chance.</param>
    public static Props CreateProps(
        SchedulerOptions options, TimeProvider time, ILogger log, Func<Guid>? newId = null) =>
        Props.Create(() => new SchedulerLoop(options, time, log, newId));

    protected override void PreStart()
    {
        var self = Self;
        _timer = _time.CreateTimer(_ => self.Tell(Wake.Instance, ActorRefs.NoSender), null, Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
    }

    protected override void PreRestart(Exception reason, object message)
    {
        _log.Failed(reason);
        _engine.Stop(StatusCode.Unavailable, "the scheduler failed and starts afresh: try again");
        base.PreRestart(reason, message);
    }

    protected override void PostStop()
    {
        _timer?.Dispose();
        _engine.Stop(StatusCode.Unavailable, "the scheduler is shutting down");
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case UpdateReceived m: _engine.Receive(m); break;
            case Submit m: _engine.Submit(m); break;
            case Unsubscribe m: _engine.Unsubscribe(m); break;
            case Wake: OnWake(); break;
            case CompleteFromCache m: _engine.CompleteFromCache(m); break;
            case WaitExecution m: _engine.WaitExecution(m); break;
            case GetOperation m: _engine.GetOperation(m); break;
            case CancelOperation m: _engine.CancelOperation(m); break;
            case Register m: _engine.Register(m); break;
            case WorkerDisconnected m: _engine.WorkerDisconnected(m); break;
            case Drain m: _engine.Drain(m); break;
            case BeginDrain: _engine.BeginDrain(); break;
            default: Unhandled(message); return;
        }

        Arm();
    }

    private void OnWake()
    {
        _armedFor = long.MaxValue;
        _engine.Wake();
    }

    /// <summary>Sets the timer if something is due earlier than it would ring; a ring too early does no harm.</summary>
    private void Arm()
    {
        if (_engine.NextWake is not { } delay)
            return;
        var due = _time.GetTimestamp() + (long)(delay.TotalSeconds * _time.TimestampFrequency);
        if (due >= _armedFor)
            return;
        _armedFor = due;
        _timer?.Change(RoundUp(delay), Timeout.InfiniteTimeSpan);
    }

    private static TimeSpan RoundUp(TimeSpan delay) =>
        TimeSpan.FromMilliseconds(Math.Min(Math.Ceiling(delay.TotalMilliseconds), int.MaxValue));
}
