using Akka.Actor;
using Google.Protobuf.WellKnownTypes;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>What a connection and its executors say to each other. A Start is answered by exactly one Finished, unless the executor dies.</summary>
public static class ExecutorProtocol
{
    public sealed record Start(AttemptId Attempt, ActionAssignment Assignment);

    /// <summary>End the action now, whatever it does; it is still answered, within 5 s.</summary>
    /// <param name="Reason">Goes into the status message, for example "killed by the scheduler".</param>
    public sealed record KillAction(AttemptId Id, string Reason);

    /// <summary>The process has ended and its whole tree is gone: processor and memory are free, outputs follow.</summary>
    public sealed record ProcessEnded(AttemptId Id);

    /// <summary>The one answer, complete and ready for the wire.</summary>
    public sealed record Finished(AttemptId Id, Wire.ExecuteResult Result, ActionVerdict Verdict);
}

/// <summary>The services an executor asks. They are shared by all workers of the host.</summary>
public sealed record ExecutorPeers(IActorRef Downloader, IActorRef Runner, IActorRef Uploader);

/// <summary>One StartExecute, checked and parsed.</summary>
/// <param name="InstanceName">The client's instance, echoed in the answer.</param>
/// <param name="Platform">The properties as the scheduler matched them; empty when it sent none.</param>
/// <param name="Queued">When the action was queued; the epoch when the scheduler does not say.</param>
/// <param name="Worker">The identity under which the action runs.</param>
public sealed record ActionAssignment(
    OperationId Id, string InstanceName, Digest Action, Reapi.Platform Platform, DateTimeOffset Queued, WorkerId Worker)
{
    /// <summary>Reads a message of the scheduler; a part that is missing or not served is a fault of code INVALID_ARGUMENT.</summary>
    public static bool TryParse(Wire.StartExecute message, WorkerId worker, out ActionAssignment assignment, out Fault fault)
    {
        (assignment, fault) = (null!, null!);
        var request = message.ExecuteRequest;
        if (request is null)
            return Refuse("start_action has no execute_request", out fault);
        if (!DigestFunctions.TryFromWire(request.DigestFunction, out var function))
            return Refuse($"digest function {request.DigestFunction} is not served by this worker; use SHA256 or BLAKE3", out fault);
        if (!Digest.TryFromWire(request.ActionDigest, function, out var action))
        {
            return Refuse(request.ActionDigest is { } bad
                ? $"action digest '{bad.Hash}/{bad.SizeBytes}' is malformed: 64 hexadecimal digits and a size of 0 or more are needed"
                : "start_action has no action_digest", out fault);
        }
        var queued = message.QueuedTimestamp is { } stamp && IsValid(stamp) ? stamp.ToDateTimeOffset() : DateTimeOffset.UnixEpoch;
        assignment = new ActionAssignment(
            new OperationId(message.OperationId), request.InstanceName, action, message.Platform ?? new Reapi.Platform(), queued, worker);
        return true;
    }

    private static bool Refuse(string detail, out Fault fault)
    {
        fault = new Fault(FaultKind.Worker, detail) { Code = Grpc.Core.StatusCode.InvalidArgument };
        return false;
    }

    // google.protobuf.Timestamp: years 1 … 9999; the conversion throws beyond.
    private static bool IsValid(Timestamp stamp) =>
        stamp is { Seconds: >= -62_135_596_800 and <= 253_402_300_799, Nanos: >= 0 and < 1_000_000_000 };
}
