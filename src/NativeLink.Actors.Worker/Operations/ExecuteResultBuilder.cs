using System.Text;
using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>When the steps of an action happened. What never happened takes the time of the step before it.</summary>
internal sealed record ActionStamps
{
    public DateTimeOffset? WorkerStart { get; set; }

    public DateTimeOffset? InputFetchStart { get; set; }

    public DateTimeOffset? InputFetchCompleted { get; set; }

    public DateTimeOffset? ExecutionStart { get; set; }

    public DateTimeOffset? ExecutionCompleted { get; set; }

    public DateTimeOffset? OutputUploadStart { get; set; }

    public DateTimeOffset? OutputUploadCompleted { get; set; }

    public DateTimeOffset? WorkerCompleted { get; set; }
}

/// <summary>All that is known of an action when it ends.</summary>
/// <param name="Fault">Null when the process ran to its end; else why not.</param>
internal sealed record ActionOutcome(
    ActionAssignment Assignment, ResultKind ResultKind, Fault? Fault, ActionStamps Stamps)
{
    /// <summary>Null when the process never ran or never ended.</summary>
    public ProcessReport? Process { get; init; }

    /// <summary>Outputs and digests of stdout and stderr, when they were uploaded.</summary>
    public Reapi.ActionResult? Outputs { get; init; }

    /// <summary>Report 9 for every death by a signal, as NativeLink does, instead of 128 + n.</summary>
    public bool SignalExitCodeIsNine { get; init; }

    /// <summary>For the person who reads the build's output; empty for none.</summary>
    public string Message { get; init; } = "";
}

/// <summary>
/// Builds every answer that leaves the worker, complete in all mandatory parts (protos/README.md
/// 3.7: without them the scheduler hangs silently), also for actions that never ran.
/// </summary>
internal static class ExecuteResultBuilder
{
    /// <summary>The exit code of an action that never ran; NativeLink's own figure.</summary>
    public const int ExitCodeNotRun = -178;

    // The scheduler's listener takes 4 MiB a message and evicts the worker beyond (protos/README.md
    // 2.2); what stands around the response needs some of them.
    private const int MaxResponseBytes = (4 << 20) - 8192;

    /// <summary>
    /// The answer for an outcome: execute_response when it is final, internal_error when the
    /// scheduler is to try again.
    /// </summary>
    public static ExecuteResult Build(ActionOutcome outcome)
    {
        var assignment = outcome.Assignment;
        var result = new ExecuteResult(assignment.Id, assignment.InstanceName) { Usage = outcome.Process?.Usage };
        if (outcome.Fault is { } fault && !FaultMapping.IsFinal(fault))
        {
            var backPressure = outcome.ResultKind is ResultKind.PreconditionFailed or ResultKind.Refused;
            return result with { InternalError = FaultMapping.ToStatus(fault, backPressure) };
        }
        var response = Response(outcome);
        var size = response.CalculateSize() + Encoding.UTF8.GetByteCount(assignment.Id.Value)
            + Encoding.UTF8.GetByteCount(assignment.InstanceName);
        return result with { ExecuteResponse = size > MaxResponseBytes ? TooLarge(outcome, size) : response };
    }

    /// <summary>The response alone, as it is also kept in historical records.</summary>
    public static Reapi.ExecuteResponse Response(ActionOutcome outcome)
    {
        var response = new Reapi.ExecuteResponse { Result = Result(outcome), Message = outcome.Message };
        if (outcome.Fault is { } fault)
            response.Status = FaultMapping.ToStatus(fault);
        return response;
    }

    /// <summary>The answer for a message that could not be parsed, or that is refused as a whole.</summary>
    public static ExecuteResult Refuse(OperationId operation, string instanceName, Fault fault) =>
        new(operation, instanceName) { InternalError = FaultMapping.ToStatus(fault, backPressure: true) };

    private static Reapi.ActionResult Result(ActionOutcome outcome)
    {
        var result = outcome.Outputs?.Clone() ?? new Reapi.ActionResult();
        var empty = Digest.Empty(outcome.Assignment.Action.Function);
        result.StdoutDigest ??= empty.ToWire();
        result.StderrDigest ??= empty.ToWire();
        result.ExitCode = ExitCode(outcome);
        result.ExecutionMetadata = Metadata(outcome);
        return result;
    }

    private static int ExitCode(ActionOutcome outcome) => outcome.Process switch
    {
        null => ExitCodeNotRun,
        { Signal: not 0 } when outcome.SignalExitCodeIsNine => 9,
        // A tree that was ended before its first process could report anything has still been
        // killed: SIGKILL is what ends it.
        { Aborted: true, ExitCode: 0 } when outcome.Fault is not null => outcome.SignalExitCodeIsNine ? 9 : 137,
        var process => process.ExitCode,
    };

    private static Reapi.ExecutedActionMetadata Metadata(ActionOutcome outcome)
    {
        var stamps = outcome.Stamps;
        // The scheduler's clock may be ahead of this machine's. What happened here keeps its times;
        // only what was told gives way.
        var queued = stamps.WorkerStart is { } began && began < outcome.Assignment.Queued
            ? began
            : outcome.Assignment.Queued;
        var last = queued;
        // Clocks of other parts may be some microseconds apart: the order is mandatory, the instant is not.
        Timestamp Next(DateTimeOffset? at)
        {
            last = at is { } time && time > last ? time : last;
            return Timestamp.FromDateTimeOffset(last);
        }
        var metadata = new Reapi.ExecutedActionMetadata
        {
            Worker = outcome.Assignment.Worker.Value,
            QueuedTimestamp = Timestamp.FromDateTimeOffset(queued),
            WorkerStartTimestamp = Next(stamps.WorkerStart),
            InputFetchStartTimestamp = Next(stamps.InputFetchStart),
            InputFetchCompletedTimestamp = Next(stamps.InputFetchCompleted),
            ExecutionStartTimestamp = Next(stamps.ExecutionStart),
            ExecutionCompletedTimestamp = Next(stamps.ExecutionCompleted),
            OutputUploadStartTimestamp = Next(stamps.OutputUploadStart),
            OutputUploadCompletedTimestamp = Next(stamps.OutputUploadCompleted),
            WorkerCompletedTimestamp = Next(stamps.WorkerCompleted),
        };
        metadata.VirtualExecutionDuration = metadata.ExecutionCompletedTimestamp - metadata.ExecutionStartTimestamp;
        // Remembered with the result: who finds it in the action cache sees what it once cost.
        if (outcome.Process is { } process)
            metadata.AuxiliaryMetadata.Add(
                Any.Pack(ResourceUsageMessage.ToWire(process.Usage, outcome.Assignment.Id, outcome.Assignment.Worker)));
        return metadata;
    }

    private static Reapi.ExecuteResponse TooLarge(ActionOutcome outcome, int size)
    {
        var outputs = outcome.Outputs!;
        var fault = new Fault(FaultKind.Action,
            $"the result is {size} bytes, more than the {MaxResponseBytes} a scheduler accepts in one message " +
            $"({outputs.OutputFiles.Count} output files, "
            + $"{outputs.OutputSymlinks.Count} symlinks); declare their directory as the output instead of each file");
        var kept = new Reapi.ActionResult { StdoutDigest = outputs.StdoutDigest, StderrDigest = outputs.StderrDigest };
        return Response(outcome with { Fault = fault, Outputs = kept, Message = "" });
    }
}
