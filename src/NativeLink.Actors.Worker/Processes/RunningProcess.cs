using NativeLink.Actors.Worker.Processes.Containment;
using NativeLink.Actors.Worker.Processes.Output;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>
/// A spawned process until its tree is gone. After it has been given to the reaper only the
/// reaper's thread touches it.
/// </summary>
internal sealed class RunningProcess(
    int pid, int pidfd, IProcessTree tree, DateTimeOffset started, TaskCompletionSource<ProcessReport> completion)
{
    private static long _last;

    /// <summary>Never another's in this process, and never 0.</summary>
    internal long Number { get; } = Interlocked.Increment(ref _last);

    /// <summary>Null for a process of the worker's own.</summary>
    internal AttemptId? Attempt { get; init; }

    internal int Pid => pid;

    internal int PidFd => pidfd;

    internal IProcessTree Tree => tree;

    internal DateTimeOffset Started => started;

    internal TaskCompletionSource<ProcessReport> Completion => completion;

    internal CancellationTokenRegistration Abort { get; set; }

    internal bool AbortAsked { get; set; }

    /// <summary>Set when an end was asked for before the first process ended by itself.</summary>
    internal bool Aborted { get; set; }

    /// <summary>Whether the first process has been waited for.</summary>
    internal bool RootEnded { get; set; }

    /// <summary>Set when the kernel could not be asked to tell its end, which is then looked for.</summary>
    internal bool Unwatched { get; set; }

    internal int WaitStatus { get; set; }

    internal RootUsage RootUsage { get; set; }

    internal long SampledKiB { get; set; }

    internal long OomKillsBefore { get; init; }

    internal required ActionOutput Output { get; init; }

    /// <summary>
    /// When to stop waiting for what has been killed, as a
    /// Stopwatch timestamp; 0 while nothing is being ended.
    /// </summary>
    internal long EndDeadline { get; set; }

    /// <summary>
    /// Set when its tree is about to be given back, and may be
    /// another's from then on: nothing may be done to it any more.
    /// </summary>
    internal bool Finished { get; set; }

    /// <summary>Whether it has been given up: answered, but still there.</summary>
    internal bool GivenUp { get; set; }
}
