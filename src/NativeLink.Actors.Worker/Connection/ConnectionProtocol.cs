using Akka.Actor;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>What the pool and its connections say to each other.</summary>
internal static class ConnectionProtocol
{
    /// <summary>To a connection: refuse new work, finish what runs, say goodbye. Answered by one Drained.</summary>
    public sealed record Drain;

    /// <summary>
    /// To a connection: end everything now, without another
    /// stream. The connection stops when its actions have ended.
    /// </summary>
    public sealed record Shutdown;

    /// <summary>
    /// To a connection: finish what runs, say goodbye, and stay without a scheduler until Resume. Its phase says how
    /// far it is. Nothing where the worker leaves for good.
    /// </summary>
    /// <param name="Reason">For the log, and for whoever asks.</param>
    public sealed record Pause(string Reason);

    /// <summary>To a connection: a pause is over, also one that the worker has begun itself.</summary>
    public sealed record Resume;

    /// <summary>
    /// From a connection: an action of it runs on after
    /// its stream, for whoever is sent the same one.
    /// </summary>
    public sealed record OrphanBegan(Digest Action);

    /// <summary>From a connection: that action, or its result, is to be had no more.</summary>
    public sealed record OrphanGone(Digest Action);

    /// <summary>To the connections of workers that run actions in the same way.</summary>
    public sealed record OrphanOfSibling(Digest Action, IActorRef Foster);

    /// <summary>Likewise, when it is gone.</summary>
    public sealed record OrphanOfSiblingGone(Digest Action, IActorRef Foster);

    /// <summary>
    /// Between connections: what the orphan of this action comes to is to answer this attempt. Answered by one Adopted,
    /// unless AdoptionOver comes first.
    /// </summary>
    public sealed record Adopt(AttemptId Attempt, ActionAssignment Assignment);

    /// <summary>The orphan's process has ended.</summary>
    public sealed record AdoptedProcessEnded(AttemptId Attempt);

    /// <param name="Result">The orphan's; null: none that could answer, the attempt has to run itself.</param>
    public sealed record Adopted(AttemptId Attempt, ExecuteResult? Result);

    /// <summary>The attempt needs no answer any more.</summary>
    /// <param name="Killed">By its scheduler: nobody wants the result.</param>
    public sealed record AdoptionOver(AttemptId Attempt, Digest Action, bool Killed);

    /// <summary>From a connection, each time that it does something else.</summary>
    /// <param name="Reason">Why; empty where the phase says it all.</param>
    public sealed record PhaseChanged(WorkerPhase Phase, WorkerId Worker, string Reason);

    /// <summary>From a connection, each time the scheduler has accepted it.</summary>
    public sealed record Registered(WorkerId Id);

    /// <summary>From a connection: nothing runs any more and the scheduler knows.</summary>
    /// <param name="Completed">Whether everything that ran was finished and answered.</param>
    public sealed record Drained(bool Completed);
}

/// <summary>What a connection needs to work.</summary>
/// <param name="Options">The worker that it is.</param>
/// <param name="Actions">Says what its queries of platform properties find in their environment.</param>
/// <param name="Link">The way to its scheduler.</param>
/// <param name="Launcher">Runs the queries of platform properties.</param>
/// <param name="Executor">Makes one executor.</param>
/// <param name="Random">Jitters delays.</param>
internal sealed record ConnectionSettings(
    ConnectionOptions Options, ExecutorOptions Actions, ISchedulerLink Link, IProcessLauncher Launcher,
    Func<Props> Executor, Random Random)
{
    /// <summary>Where the small outputs of queries may be written; a directory that exists.</summary>
    public required string ScratchDirectory { get; init; }

    /// <summary>0 or what the options say is passed to the scheduler; this is how many run here at once.</summary>
    public int Slots { get; init; } = UsualSlots;

    /// <summary>
    /// Operations beyond these wait for nothing: they are refused, RESOURCE_EXHAUSTED. Some kilobytes each.
    /// </summary>
    public int MostWaiting { get; init; } = 16_384;

    /// <summary>When a worker that fails and fails pauses itself; null: never.</summary>
    public BreakerOptions? Breaker { get; init; }

    /// <summary>
    /// Brings what a trial action needs to the CAS, and answers its digest; null: such a pause ends by Resume alone.
    /// </summary>
    public Func<CancellationToken, Task<Digest>>? Probe { get; init; }

    /// <summary>Whether the CAS has all that a result names; null: results are not asked about.</summary>
    public Func<Reapi.ActionResult, DigestFunction, CancellationToken, Task<bool>>? IsComplete { get; init; }

    internal static int UsualSlots => Environment.ProcessorCount * 8;

    /// <summary>How long running actions may take to end when the stream is lost.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
