namespace NativeLink.Actors.Worker.Operations;

/// <summary>How an action ended, told apart in status, message, metric label and log.</summary>
internal enum ResultKind
{
    Succeeded,

    /// <summary>The process returned another exit code than 0.</summary>
    ExitedNonZero,

    /// <summary>A signal ended the process.</summary>
    Signalled,

    /// <summary>This worker's own clock ran out.</summary>
    TimedOut,

    /// <summary>The wrapper around the command said so through the side channel.</summary>
    TimedOutExternally,

    /// <summary>The kernel's out-of-memory killer ended something of the action, and the action failed.</summary>
    OutOfMemory,

    /// <summary>A disk of this worker is full.</summary>
    DiskFull,

    /// <summary>The action cannot be run as it is: its tree, command, paths or timeout.</summary>
    InvalidAction,

    /// <summary>Inputs are not in the CAS.</summary>
    InputsMissing,

    /// <summary>The scheduler ended it, or its stream was lost.</summary>
    Killed,

    /// <summary>The precondition script said no.</summary>
    PreconditionFailed,

    /// <summary>Not accepted: the worker is draining or the message was unusable.</summary>
    Refused,

    /// <summary>This worker or a store failed.</summary>
    Infrastructure,
}

internal static class ResultKinds
{
    /// <summary>The label used in metrics and logs, for example <c>timed_out</c>.</summary>
    public static string Label(this ResultKind resultKind) => resultKind switch
    {
        ResultKind.Succeeded => "succeeded",
        ResultKind.ExitedNonZero => "exit_code",
        ResultKind.Signalled => "signal",
        ResultKind.TimedOut => "timed_out",
        ResultKind.TimedOutExternally => "timed_out_externally",
        ResultKind.OutOfMemory => "out_of_memory",
        ResultKind.DiskFull => "disk_full",
        ResultKind.InvalidAction => "invalid_action",
        ResultKind.InputsMissing => "inputs_missing",
        ResultKind.Killed => "killed",
        ResultKind.PreconditionFailed => "precondition_failed",
        ResultKind.Refused => "refused",
        _ => "infrastructure",
    };

    /// <summary>What a fault makes of an action.</summary>
    public static ResultKind Of(Fault fault) => fault.Kind switch
    {
        FaultKind.Action => ResultKind.InvalidAction,
        FaultKind.Missing => ResultKind.InputsMissing,
        FaultKind.Aborted => ResultKind.Killed,
        FaultKind.TimedOut => ResultKind.TimedOut,
        _ when IsDiskFull(fault) => ResultKind.DiskFull,
        _ => ResultKind.Infrastructure,
    };

    // errno(3): ENOSPC and EDQUOT, as strerror words them; faults carry the system's text.
    private static bool IsDiskFull(Fault fault) =>
        fault.Kind is FaultKind.Storage or FaultKind.Worker
        && (fault.Detail.Contains("No space left on device", StringComparison.OrdinalIgnoreCase)
            || fault.Detail.Contains("Disk quota exceeded", StringComparison.OrdinalIgnoreCase)
            || fault.Detail.Contains("disk is full", StringComparison.OrdinalIgnoreCase)
            || fault.Detail.Contains("not enough space", StringComparison.OrdinalIgnoreCase));
}
