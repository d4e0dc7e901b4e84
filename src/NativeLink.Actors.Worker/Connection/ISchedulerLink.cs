using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>
/// The way of one worker to its scheduler. Actors talk to this and not to gRPC, so that tests, the
/// simulation and another protocol can stand in.
/// </summary>
public interface ISchedulerLink : IAsyncDisposable
{
    /// <summary>
    /// Opens a stream and registers at once (the scheduler answers nothing before). What the
    /// scheduler says goes to <paramref name="onMessage"/>, one at a time, in order; the end of the
    /// stream, whatever its reason, goes to <paramref name="onEnd"/> exactly once, after the last
    /// message. Completes when the stream is open for writing.
    /// </summary>
    /// <exception cref="FaultException">Worker: the scheduler
    /// cannot be reached; says which address and why.</exception>
    Task<ISchedulerSession> ConnectAsync(
        Registration registration, Action<SchedulerMessage> onMessage, Action<Fault?> onEnd,
        CancellationToken cancellation);
}

/// <summary>
/// One open stream. Safe for several threads: messages leave in the order of the calls. Disposing
/// sends what is under way, within a bound.
/// </summary>
public interface ISchedulerSession : IAsyncDisposable
{
    /// <summary>Completes when the transport has taken the message.</summary>
    /// <exception cref="FaultException">Worker: the stream has ended.</exception>
    Task SendAsync(WorkerMessage message, CancellationToken cancellation);
}
