using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.LocalCluster.Scheduling.Clients;
using NativeLink.Actors.LocalCluster.Scheduling.Queueing;
using NativeLink.Actors.LocalCluster.Scheduling.Workers;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>Two requests for the same action in the same instance are the same work.</summary>
internal readonly record struct ActionKey(string Instance, Digest Action);

/// <summary>What a client asked for, checked and translated.</summary>
/// <param name="Joinable">An equal request may share this execution.</param>
/// <param name="Timeout">The action's own, if it has one above zero.</param>
/// <param name="Client">Whose share it counts to: a build tool's invocation, or a connection.</param>
internal sealed record Submission(
    ActionKey Key, PlatformRequirements Requirements, int Priority, TimeSpan? Timeout, bool SkipCacheLookup,
    bool Joinable, string Client = "");

/// <summary>One execution in the scheduler's book. Only the engine's thread touches it.</summary>
internal sealed class ScheduledOperation(
    Guid id, Submission submission, long sequence, Timestamp queuedAt) : IWaiting
{
    public OperationId Id { get; } = new(id.ToString());

    public Submission Submission => submission;

    public ActionKey Key => submission.Key;

    public PlatformRequirements Requirements => submission.Requirements;

    /// <summary>Order of arrival; kept when the operation is queued again.</summary>
    public long Sequence => sequence;

    public Timestamp QueuedAt => queuedAt;

    /// <summary>Higher goes first; an equal request that joins can raise it.</summary>
    public int Priority { get; set; } = submission.Priority;

    public Reapi.ExecutionStage.Types.Value Stage { get; set; } = Reapi.ExecutionStage.Types.Value.Queued;

    /// <summary>How often it was given back for a reason that counts.</summary>
    public int Attempts { get; set; }

    /// <summary>The run that counts; null while queued and when completed.</summary>
    public Assignment? Assignment { get; set; }

    /// <summary>Whose turn it takes.</summary>
    public string Client { get; set; } = submission.Client;

    /// <summary>Belongs to the queue: where it stands there, if it does.</summary>
    public ClientQueue? Queue { get; set; }

    public bool IsQueued => Queue is not null;

    /// <summary>Neither waits nor runs nor has an answer: it has no subscriber.</summary>
    public bool IsSetAside => Queue is null && Assignment is null && !IsOver;

    ulong[][]? IWaiting.Needs => submission.Requirements.Needs;

    ScheduledOperation? IWaiting.PickFor(ConnectedWorker worker) => worker.CanBegin(this) ? this : null;

    public List<Waiter> Waiters { get; } = [];

    /// <summary>How many of the waiters have not cancelled.</summary>
    public int ActiveWaiters { get; set; }

    public Deadlines.Deadline? ClientDeadline { get; set; }

    public Deadlines.Deadline? RunDeadline { get; set; }

    public Deadlines.Deadline? SilenceDeadline { get; set; }

    /// <summary>The answer, packed once for all clients; null until completed.</summary>
    public Any? Response { get; set; }

    public bool IsCompleted => Response is not null;

    /// <summary>It failed without an answer, and nobody knows its names any more.</summary>
    public bool IsFailed { get; set; }

    public bool IsOver => IsCompleted || IsFailed;

    /// <summary>
    /// Somebody still reads its updates. A stream that has ended
    /// is known here before the message that says so arrives.
    /// </summary>
    public bool IsAwaited =>
        Waiters.Exists(static waiter => waiter.Streams.Exists(static stream => !stream.IsAbandoned));
}

/// <summary>
/// An operation at a worker. It can outlive its meaning: after a time-out or a cancellation the
/// worker still holds it until it answers.
/// </summary>
/// <param name="payer">Whose share it takes.</param>
internal sealed class Assignment(ScheduledOperation operation, ConnectedWorker worker, ClientShare payer)
{
    public ScheduledOperation Operation => operation;

    public ConnectedWorker Worker => worker;

    public ClientShare Payer => payer;

    /// <summary>The process has ended: its quantities are free, its slot is not.</summary>
    public bool ProcessEnded { get; set; }

    public bool KillSent { get; set; }

    public Deadlines.Deadline? KillDeadline { get; set; }

    /// <summary>The operation still counts on this run.</summary>
    public bool IsCurrent => ReferenceEquals(operation.Assignment, this);
}
