using Google.LongRunning;
using NativeLink.Actors.LocalCluster.Scheduling.Clients;
using NativeLink.Actors.LocalCluster.Scheduling.Workers;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>
/// What the services send to <see cref="SchedulerLoop"/>. It answers through the streams, links and
/// promises that it is handed.
/// </summary>
internal static class SchedulerProtocol
{
    /// <summary>Queue this action, or join an equal one; the stream gets its updates from now on.</summary>
    public sealed record Submit(Submission Submission, OperationStream Stream);

    /// <summary>
    /// A result was found in the action cache: register a
    /// completed operation with it and send that to the stream.
    /// </summary>
    public sealed record CompleteFromCache(Submission Submission, Reapi.ActionResult Result, OperationStream Stream);

    /// <summary>Subscribe this stream, too, to the operation of that name.</summary>
    public sealed record WaitExecution(string Name, OperationStream Stream);

    /// <summary>The client of this stream is gone.</summary>
    public sealed record Unsubscribe(OperationStream Stream);

    /// <summary>Answer with the state of an operation; null when there is none of that name.</summary>
    public sealed record GetOperation(string Name, TaskCompletionSource<Operation?> Answer);

    /// <summary>End what that client asked for; false when there is no operation of that name.</summary>
    public sealed record CancelOperation(string Name, TaskCompletionSource<bool> Answer);

    public sealed record Register(WorkerLink Link);

    /// <summary>The worker has sent an update.</summary>
    public sealed record UpdateReceived(WorkerLink Link, Wire.UpdateForScheduler Update);

    /// <summary>The worker's stream has ended.</summary>
    public sealed record WorkerDisconnected(WorkerLink Link, string Reason);

    /// <summary>Give a worker no new work, or give it work again; false when there is no such worker.</summary>
    public sealed record Drain(WorkerId Worker, bool Draining, TaskCompletionSource<bool> Answer);

    /// <summary>Start nothing more: this scheduler is about to end.</summary>
    public sealed record BeginDrain
    {
        public static readonly BeginDrain Instance = new();
    }

    /// <summary>Something is due.</summary>
    public sealed record Wake
    {
        public static readonly Wake Instance = new();
    }
}
