using Akka.Actor;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>
/// Sends a keep-alive each period, on threads that do nothing else: the scheduler forgets a worker that is silent for 5 s, and nothing else that a worker sends
/// counts. Child of a connection, one for each stream; says Silent there when a message cannot be sent.
/// </summary>
internal sealed class KeepAlive : UntypedActor, IWithTimers
{
    private readonly ISchedulerSession _session;
    private readonly TimeSpan _period;
    private readonly long _epoch;

    /// <summary>Use <see cref="CreateProps"/>; Akka itself calls this.</summary>
    public KeepAlive(ISchedulerSession session, TimeSpan period, long epoch) => (_session, _period, _epoch) = (session, period, epoch);

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props CreateProps(ISchedulerSession session, TimeSpan period, long epoch) =>
        Props.Create(() => new KeepAlive(session, period, epoch)).WithDispatcher("nativelink.dispatchers.keep-alive");

    protected override void PreStart() => Timers.StartPeriodicTimer(Tick.Instance, Tick.Instance, _period, _period);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Tick:
                _session.SendAsync(new Wire.UpdateForScheduler { KeepAliveRequest = new Wire.KeepAliveRequest() }, CancellationToken.None)
                    .PipeTo(Self, failure: error => new NotSent(Fault.From(error)));
                break;
            case NotSent failed:
                Context.Parent.Tell(new Silent(_epoch, failed.Fault));
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    /// <summary>The stream takes no more messages.</summary>
    public sealed record Silent(long Epoch, Fault Fault);

    private sealed record NotSent(Fault Fault);

    private sealed record Tick
    {
        public static readonly Tick Instance = new();
    }
}
