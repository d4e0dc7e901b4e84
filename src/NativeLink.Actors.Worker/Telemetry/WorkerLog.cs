using Microsoft.Extensions.Logging;

namespace NativeLink.Actors.Worker.Telemetry;

/// <summary>What the host itself says; actors log through Akka, which is routed to the same log.</summary>
internal static partial class WorkerLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "{InputRoots}; processes: {Containment}")]
    public static partial void Opened(this ILogger log, string inputRoots, string containment);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Text}")]
    public static partial void Noticed(this ILogger log, string text);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Could not be closed in order: {Reason}")]
    public static partial void NotClosed(this ILogger log, string reason);
}
