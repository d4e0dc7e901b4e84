using Akka.Event;

namespace NativeLink.Actors.Worker.Telemetry;

internal static class AttemptLog
{
    /// <summary>
    /// The log of one attempt: the operation as the
    /// scheduler knows it, and which attempt at it this is.
    /// </summary>
    public static ILoggingAdapter Of(this ILoggingAdapter log, AttemptId attempt) =>
        log.WithContext("OperationId", attempt.Operation).WithContext("Attempt", attempt.Number);
}
