using System.Collections.Immutable;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>
/// What a worker and its scheduler say to each other, in
/// words of our own: a protocol's folder translates them.
/// </summary>
public static class LinkProtocol
{
    /// <summary>Who the worker is, as it registers (protos/README.md 3.2).</summary>
    /// <param name="NamePrefix">What its id is to begin with; may be empty.</param>
    /// <param name="MaxInflightTasks">How many operations it takes at once; 0: no limit.</param>
    /// <param name="Properties">One entry a value, in the order of the configuration.</param>
    public sealed record Registration(
        string NamePrefix, int MaxInflightTasks, ImmutableArray<KeyValuePair<string, string>> Properties);

    /// <summary>From the scheduler.</summary>
    public abstract record SchedulerMessage;

    /// <summary>The worker is registered under this id; the first message of every stream.</summary>
    public sealed record RegistrationAccepted(WorkerId Worker) : SchedulerMessage;

    /// <summary>Run this.</summary>
    public sealed record ActionAssigned(ActionAssignment Assignment) : SchedulerMessage;

    /// <summary>An assignment that cannot be understood; it is answered all the same.</summary>
    public sealed record AssignmentUnusable(OperationId Operation, string InstanceName, Fault Fault) : SchedulerMessage;

    /// <summary>End this operation and answer it.</summary>
    public sealed record KillRequested(OperationId Operation) : SchedulerMessage;

    /// <summary>Leave this stream; another may be opened.</summary>
    public sealed record DisconnectRequested : SchedulerMessage;

    /// <summary>To the scheduler.</summary>
    public abstract record WorkerMessage;

    /// <summary>The worker lives.</summary>
    public sealed record KeepAliveSignal : WorkerMessage;

    /// <summary>The operation's process has ended: its processor and memory are free, the result follows.</summary>
    public sealed record ExecutionCompleted(OperationId Operation) : WorkerMessage;

    /// <summary>The one answer to an operation.</summary>
    public sealed record ResultReady(ExecuteResult Result) : WorkerMessage;

    /// <summary>The last message: the worker leaves in order.</summary>
    public sealed record GoingAway : WorkerMessage;
}
