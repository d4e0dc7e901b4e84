namespace NativeLink.Actors.Worker.Processes;

/// <summary>What an executor and the process runner say to each other. Every Run gets exactly one answer.</summary>
internal static class ProcessProtocol
{
    /// <param name="Inspect">Looked at when the whole tree is gone, where it may block on the disk;
    /// what it answers comes with Exited. Null: nothing.</param>
    /// <param name="Enter">Asked before anything is begun; what it returns is called when the whole tree is gone and
    /// has been looked at, whoever still waits for that, and answers what is to be done on the disk then: so the place
    /// where it runs stays as long as it does.</param>
    public sealed record Run(
        AttemptId Id, ProcessPlan Plan, Func<object>? Inspect = null, Func<Func<Action?>>? Enter = null);

    /// <summary>
    /// End the whole process tree now; the Run is answered with what there is: an Exited whose
    /// report says it was aborted.
    /// </summary>
    public sealed record Abort(AttemptId Id);

    /// <summary>The process has ended and its whole tree is gone.</summary>
    /// <param name="Found">What the Run's inspection answered; null when there was none, or the Run
    /// was given up while it waited for its turn.</param>
    public sealed record Exited(AttemptId Id, ProcessReport Report, object? Found = null);

    /// <summary>
    /// The process never ran: Action faults say that the program
    /// cannot be started, Worker faults that this machine cannot.
    /// </summary>
    public sealed record RunFailed(AttemptId Id, Fault Fault);
}

/// <summary>A process to run.</summary>
/// <param name="Arguments">At least one; the first is the program as argv[0] will show it.</param>
/// <param name="Environment">The whole environment; nothing is inherited.</param>
/// <param name="WorkingDirectory">Absolute; relative programs are looked up here, names without a
/// slash in the PATH of <paramref name="Environment"/>.</param>
/// <param name="StdoutPath">Absolute path of the spool file, made anew at the first byte; what else
/// is there is removed, so that a path below /dev is refused. Empty: it is not kept.</param>
/// <param name="StderrPath">The same.</param>
public sealed record ProcessPlan(
    IReadOnlyList<string> Arguments,
    IReadOnlyList<KeyValuePair<string, string>> Environment,
    string WorkingDirectory,
    string StdoutPath,
    string StderrPath)
{
    /// <summary>
    /// Whose process it is, for the launcher's log; null for those of the worker's own. <see cref="ProcessRunner"/>
    /// says so of every Run's.
    /// </summary>
    internal AttemptId? Attempt { get; init; }

    /// <summary>The operation that it runs for; null for processes of the worker's own.</summary>
    public OperationId? Operation => Attempt?.Operation;

    /// <summary>
    /// To be told when the process runs, for whoever bounds the run alone: an action's timeout is counted from then on.
    /// Null: nobody asks.
    /// </summary>
    public RunClock? Clock { get; init; }
}

/// <summary>When a process was started, written by whoever starts it and read by whoever waits. Thread-safe.</summary>
public sealed class RunClock
{
    private long _ticks;

    /// <summary>Null until it runs.</summary>
    public DateTimeOffset? Started => Interlocked.Read(ref _ticks) is > 0 and var ticks
        ? new DateTimeOffset(ticks, TimeSpan.Zero)
        : null;

    /// <summary>It runs since <paramref name="now"/>; what is said later does not count.</summary>
    public void Start(DateTimeOffset now) => Interlocked.CompareExchange(ref _ticks, now.UtcTicks, 0);
}

/// <summary>How a process ended.</summary>
/// <param name="ExitCode">0 … 255, or 128 + n after signal n; 126 and 127 when the program could
/// not be started, with the reason in stderr's spool.</param>
/// <param name="Signal">The signal that ended it, or 0.</param>
/// <param name="Aborted">Whether an Abort ended it.</param>
/// <param name="Started">When it was spawned.</param>
/// <param name="Ended">When its tree was gone.</param>
/// <param name="Usage">What the whole tree used.</param>
public sealed record ProcessReport(
    int ExitCode, int Signal, bool Aborted, DateTimeOffset Started, DateTimeOffset Ended, ResourceUsage Usage)
{
    /// <summary>
    /// Whether the program could not be started: the exit
    /// code is 126 or 127, and stderr's spool says why.
    /// </summary>
    public bool Unstarted { get; init; }

    /// <summary>The report of a process that was aborted before it was spawned: as if killed at once.</summary>
    internal static ProcessReport NeverStarted(DateTimeOffset now) =>
        new(128 + Signals.Kill, Signals.Kill, true, now, now, default);
}

/// <summary>What a process tree used.</summary>
/// <param name="PeakMemoryKiB">Largest resident set, in KiB.</param>
/// <param name="CpuTime">User and system time of the whole tree.</param>
/// <param name="OutOfMemory">Whether the kernel's out-of-memory killer is known to have ended
/// something in the tree.</param>
public readonly record struct ResourceUsage(long PeakMemoryKiB, TimeSpan CpuTime, bool OutOfMemory);
