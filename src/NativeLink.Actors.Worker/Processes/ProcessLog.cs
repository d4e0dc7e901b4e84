using Microsoft.Extensions.Logging;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>What this room logs outside of its actor.</summary>
internal static partial class ProcessLog
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "Process trees are held by {Containment}")]
    internal static partial void Contained(this ILogger log, string containment);

    [LoggerMessage(Level = LogLevel.Error, Message = "Process {Pid} or one of its descendants is still there {Bound} after SIGKILL; it is left alone and its result is a worker fault")]
    internal static partial void CannotEnd(this ILogger log, int pid, TimeSpan bound);

    [LoggerMessage(Level = LogLevel.Error, Message = "Process {Pid} cannot be watched: {Reason}")]
    internal static partial void CannotWatch(this ILogger log, int pid, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Following process {Pid} failed")]
    internal static partial void ReaperFailed(this ILogger log, int pid, Exception error);

    [LoggerMessage(Level = LogLevel.Error, Message = "Processes are left at the end of the launcher: {Count}")]
    internal static partial void LeftBehind(this ILogger log, int count);
}
