namespace NativeLink.Actors.Worker.Connection;

/// <summary>
/// What a connection and its stream say to each other, beside the words of
/// <see cref="LinkProtocol"/>: those of the scheduler come up as they are, once the worker is
/// registered, and those for it go down as they are. A stream ends with exactly one StreamLost or
/// StreamClosed, unless it crashes.
/// </summary>
internal static class StreamProtocol
{
    /// <summary>To a stream: say that the worker goes away, after all that was sent before, and end.</summary>
    public sealed record Close;

    /// <summary>From a stream: the scheduler knows the worker.</summary>
    /// <param name="Announced">The properties it was told, for the log.</param>
    public sealed record StreamRegistered(WorkerId Worker, string Announced);

    /// <summary>From a stream: it has ended, or never began.</summary>
    /// <param name="ResultsSent">How many of the results that it was told the transport has taken.</param>
    public sealed record StreamLost(Fault Fault, int ResultsSent);

    /// <summary>From a stream that was told to close.</summary>
    /// <param name="Fault">Why the scheduler may not have heard
    /// that the worker goes; null when it has been told.</param>
    public sealed record StreamClosed(Fault? Fault, int ResultsSent);

    /// <summary>From a keep-alive to its stream: the transport takes no more messages.</summary>
    public sealed record KeepAliveFailed(Fault Fault);
}
