namespace NativeLink.Actors.Worker.Operations;

/// <summary>How an action ended, told apart in status, message, metric label and log.</summary>
internal enum ActionVerdict
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

internal static class ActionVerdicts
{
    /// <summary>The label used in metrics and logs, for example <c>timed_out</c>.</summary>
    public static string Label(this ActionVerdict verdict) => verdict switch
    {
        ActionVerdict.Succeeded => "succeeded",
        ActionVerdict.ExitedNonZero => "exit_code",
        ActionVerdict.Signalled => "signal",
        ActionVerdict.TimedOut => "timed_out",
        ActionVerdict.TimedOutExternally => "timed_out_externally",
        ActionVerdict.OutOfMemory => "out_of_memory",
        ActionVerdict.DiskFull => "disk_full",
        ActionVerdict.InvalidAction => "invalid_action",
        ActionVerdict.InputsMissing => "inputs_missing",
        ActionVerdict.Killed => "killed",
        ActionVerdict.PreconditionFailed => "precondition_failed",
        ActionVerdict.Refused => "refused",
        _ => "infrastructure",
    };

    /// <summary>What a fault makes of an action.</summary>
    public static ActionVerdict Of(Fault fault) => fault.Kind switch
    {
        FaultKind.Action => ActionVerdict.InvalidAction,
        FaultKind.Missing => ActionVerdict.InputsMissing,
        FaultKind.Aborted => ActionVerdict.Killed,
        FaultKind.TimedOut => ActionVerdict.TimedOut,
        _ when IsDiskFull(fault) => ActionVerdict.DiskFull,
        _ => ActionVerdict.Infrastructure,
    };

    // errno(3): ENOSPC and EDQUOT, as strerror words them; faults carry the system's text.
    private static bool IsDiskFull(Fault fault) =>
        fault.Kind is FaultKind.Storage or FaultKind.Worker
        && (fault.Detail.Contains("No space left on device", StringComparison.OrdinalIgnoreCase)
            || fault.Detail.Contains("Disk quota exceeded", StringComparison.OrdinalIgnoreCase)
            || fault.Detail.Contains("disk is full", StringComparison.OrdinalIgnoreCase)
            || fault.Detail.Contains("not enough space", StringComparison.OrdinalIgnoreCase));
}
