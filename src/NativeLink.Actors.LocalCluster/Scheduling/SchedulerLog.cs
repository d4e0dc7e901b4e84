using Microsoft.Extensions.Logging;
using NativeLink.Actors.LocalCluster.Scheduling.Queueing;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>
/// What the scheduler logs for its operator. Nothing is logged once an action at a level above
/// Debug unless something went wrong.
/// </summary>
internal static partial class SchedulerLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Worker {WorkerId} connected; {Workers} connected")]
    public static partial void WorkerConnected(this ILogger log, WorkerId workerId, int workers);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "Worker {WorkerId} is gone: {Reason}; {Operations} of its operations are queued again or ended")]
    public static partial void WorkerGone(this ILogger log, WorkerId workerId, string reason, int operations);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Worker {WorkerId} sent {What}; the message is ignored")]
    public static partial void StrayMessage(this ILogger log, WorkerId workerId, string what);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Operation {OperationId}: the result of worker {WorkerId} lacks {Part} or has it malformed; " +
            "the operation ends with INTERNAL")]
    public static partial void IncompleteResult(
        this ILogger log, OperationId operationId, WorkerId workerId, string part);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Operation {OperationId} is given back, attempt {Attempt} of {Allowed}: {Reason}")]
    public static partial void AttemptFailed(
        this ILogger log, OperationId operationId, int attempt, int allowed, string reason);

    [LoggerMessage(Level = LogLevel.Debug,
        Message = "Operation {OperationId}: the late result of worker {WorkerId} is not used")]
    public static partial void LateResult(this ILogger log, OperationId operationId, WorkerId workerId);

    [LoggerMessage(Level = LogLevel.Information, Message = "Operation {OperationId} is killed at worker {WorkerId}")]
    public static partial void KillSent(this ILogger log, OperationId operationId, WorkerId workerId);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "{Waiting} operations wait; the oldest, {OperationId} ({Demand}), finds no worker: {Reasons}")]
    public static partial void NoWorker(
        this ILogger log, int waiting, OperationId operationId, PlatformRequirements demand, string reasons);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "The scheduler failed; workers and clients are disconnected and it starts afresh")]
    public static partial void Failed(this ILogger log, Exception error);
}
