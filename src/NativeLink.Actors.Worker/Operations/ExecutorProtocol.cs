using Akka.Actor;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>
/// What a connection and its executors say to each other. A Start is answered by exactly one
/// Finished, unless the executor dies.
/// </summary>
internal static class ExecutorProtocol
{
    public sealed record Start(AttemptId Attempt, ActionAssignment Assignment);

    /// <summary>End the action now, whatever it does; it is still answered, within 5 s.</summary>
    /// <param name="Reason">Goes into the status message, for example "killed by the scheduler".</param>
    public sealed record KillAction(AttemptId Id, string Reason);

    /// <summary>
    /// The process has ended and its whole tree is gone:
    /// processor and memory are free, outputs follow.
    /// </summary>
    public sealed record ProcessEnded(AttemptId Id);

    /// <summary>The one answer, complete.</summary>
    public sealed record Finished(AttemptId Id, ExecuteResult Result, ResultKind ResultKind)
    {
        /// <summary>Whether it is nobody's but the operation's (REAPI <c>Action.do_not_cache</c>).</summary>
        public bool DoNotCache { get; init; }
    }
}

/// <summary>The services an executor asks. They are shared by all workers of the host.</summary>
internal sealed record ExecutorPeers(IActorRef Downloader, IActorRef Runner, IActorRef Uploader);

/// <summary>One operation that the scheduler assigned, checked and parsed.</summary>
/// <param name="InstanceName">The client's instance, echoed in the answer.</param>
/// <param name="Platform">The properties as the scheduler matched them; empty when it sent none.</param>
/// <param name="Queued">When the action was queued; the epoch when the scheduler does not say.</param>
/// <param name="Worker">The identity under which the action runs.</param>
public sealed record ActionAssignment(
    OperationId Id, string InstanceName, Digest Action, Reapi.Platform Platform, DateTimeOffset Queued,
    WorkerId Worker)
{
    /// <summary>Whether a result that is there already will not do (REAPI <c>skip_cache_lookup</c>).</summary>
    public bool SkipCacheLookup { get; init; }
}
