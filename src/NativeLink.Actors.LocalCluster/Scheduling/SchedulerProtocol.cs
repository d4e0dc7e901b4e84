using Google.LongRunning;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>What the services say to <see cref="SchedulerLoop"/>. It answers through the feeds, links and promises that it is handed.</summary>
internal static class SchedulerProtocol
{
    /// <summary>Queue this action, or join an equal one; the feed hears of it from now on.</summary>
    public sealed record Submit(Submission Submission, OperationFeed Feed);

    /// <summary>An answer was found in the action cache: remember it under a name and tell the feed.</summary>
    public sealed record Remember(Submission Submission, Reapi.ActionResult Result, OperationFeed Feed);

    /// <summary>Tell this feed, too, how the operation of that name goes on.</summary>
    public sealed record Listen(string Name, OperationFeed Feed);

    /// <summary>The client of this feed is gone.</summary>
    public sealed record StopListening(OperationFeed Feed);

    /// <summary>Say how things stand; null when there is no operation of that name.</summary>
    public sealed record Look(string Name, TaskCompletionSource<Operation?> Answer);

    /// <summary>End what that client asked for; false when there is no operation of that name.</summary>
    public sealed record Cancel(string Name, TaskCompletionSource<bool> Answer);

    public sealed record Register(WorkerLink Link);

    public sealed record Hear(WorkerLink Link, Wire.UpdateForScheduler Update);

    /// <summary>The worker's stream has ended.</summary>
    public sealed record LoseWorker(WorkerLink Link, string Reason);

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
