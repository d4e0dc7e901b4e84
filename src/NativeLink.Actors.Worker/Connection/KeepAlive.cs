using Akka.Actor;
using NativeLink.Actors.Worker.Telemetry;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>
/// Sends a keep-alive each period, on threads that do nothing else: the scheduler forgets a worker
/// that is silent for 5 s, and nothing else that a worker sends counts. Child of a stream; says
/// KeepAliveFailed there when a message cannot be sent.
/// </summary>
internal sealed class KeepAlive : UntypedActor, IWithTimers
{
    private readonly ISchedulerSession _session;
    private readonly TimeSpan _period;
    private TimeSpan? _last;

    /// <summary>Use <see cref="CreateProps"/>; Akka itself calls this.</summary>
    public KeepAlive(ISchedulerSession session, TimeSpan period) => (_session, _period) = (session, period);

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props CreateProps(ISchedulerSession session, TimeSpan period) =>
        Props.Create(() => new KeepAlive(session, period)).WithDispatcher("nativelink.dispatchers.keep-alive");

    protected override void PreStart() => Timers.StartPeriodicTimer(Tick.Instance, Tick.Instance, _period, _period);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Tick:
                _session.SendAsync(new KeepAliveSignal(), CancellationToken.None)
                    .PipeTo(Self, success: static () => Sent.Instance,
                        failure: error => new NotSent(Fault.From(error)));
                break;
            case Sent:
                OnSent(Context.System.Scheduler.MonotonicClock);
                break;
            case NotSent failed:
                Context.Parent.Tell(new StreamProtocol.KeepAliveFailed(failed.Fault));
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void OnSent(TimeSpan now)
    {
        if (_last is { } last)
            WorkerMetrics.RecordKeepAliveGap(now - last);
        _last = now;
    }

    private sealed record Sent
    {
        public static readonly Sent Instance = new();
    }

    private sealed record NotSent(Fault Fault);

    private sealed record Tick
    {
        public static readonly Tick Instance = new();
    }
}
