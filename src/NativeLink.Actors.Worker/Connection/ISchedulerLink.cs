namespace NativeLink.Actors.Worker.Connection;

/// <summary>The way to a scheduler. The connection actor talks to this and not to gRPC, so that tests and the simulation can stand in.</summary>
public interface ISchedulerLink : IAsyncDisposable
{
    /// <summary>
    /// Opens the stream and sends <paramref name="hello"/> at once (the scheduler answers nothing before). Updates go to <paramref name="onUpdate"/>,
    /// one at a time, in order; the end of the stream, whatever its reason, goes to <paramref name="onEnd"/> exactly once, after the last update.
    /// Completes when the stream is open for writing.
    /// </summary>
    /// <exception cref="FaultException">Worker: the scheduler cannot be reached; says which address and why.</exception>
    Task<ISchedulerSession> ConnectAsync(
        Wire.ConnectWorkerRequest hello, Action<Wire.UpdateForWorker> onUpdate, Action<Fault?> onEnd, CancellationToken cancellation);
}

/// <summary>One open stream. Safe for several threads: messages leave in the order of the calls.</summary>
public interface ISchedulerSession : IAsyncDisposable
{
    /// <summary>Completes when the transport has taken the message.</summary>
    /// <exception cref="FaultException">Worker: the stream has ended.</exception>
    Task SendAsync(Wire.UpdateForScheduler message, CancellationToken cancellation);
}
