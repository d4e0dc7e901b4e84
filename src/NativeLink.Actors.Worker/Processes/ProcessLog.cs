using Microsoft.Extensions.Logging;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>What this room logs outside of its actor.</summary>
internal static partial class ProcessLog
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "Process trees are held by {Containment}")]
    internal static partial void Contained(this ILogger log, string containment);

    internal static void CannotEnd(this ILogger log, RunningProcess process, TimeSpan bound) =>
        CannotEnd(log, process.Attempt, process.Pid, bound);

    internal static void CannotWatch(this ILogger log, RunningProcess process, string reason) =>
        CannotWatch(log, process.Attempt, process.Pid, reason);

    internal static void ReaperFailed(this ILogger log, RunningProcess process, Exception error) =>
        ReaperFailed(log, process.Attempt, process.Pid, error);

    [LoggerMessage(Level = LogLevel.Error, Message = "Looking after all processes failed; it is tried again")]
    internal static partial void ReaperRoundFailed(this ILogger log, Exception error);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "A process did not start within {Bound}; the thread that starts it is replaced")]
    internal static partial void SpawnOverdue(this ILogger log, TimeSpan bound);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "There are {Threads} threads to start processes on, not {Wanted}: no more can be made")]
    internal static partial void NoThreadToSpawnOn(this ILogger log, int threads, int wanted);

    [LoggerMessage(Level = LogLevel.Error, Message = "Keeping what an action says failed")]
    internal static partial void DrainFailed(this ILogger log, Exception error);

    [LoggerMessage(Level = LogLevel.Error, Message = "Processes are left at the end of the launcher: {Count}")]
    internal static partial void LeftBehind(this ILogger log, int count);

#pragma warning disable SYSLIB1015 // The attempt is a value of the line, for whoever keeps those, and not in its text.
    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Process {Pid} or one of its descendants is still there {Bound} after SIGKILL; "
            + "it is left alone and its result is a worker fault")]
    private static partial void CannotEnd(ILogger log, AttemptId? attemptId, int pid, TimeSpan bound);

    [LoggerMessage(Level = LogLevel.Error, Message = "Process {Pid} cannot be watched: {Reason}")]
    private static partial void CannotWatch(ILogger log, AttemptId? attemptId, int pid, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Following process {Pid} failed")]
    private static partial void ReaperFailed(ILogger log, AttemptId? attemptId, int pid, Exception error);
#pragma warning restore SYSLIB1015
}
