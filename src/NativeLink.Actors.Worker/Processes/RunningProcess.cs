using NativeLink.Actors.Worker.Processes.Containment;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>A spawned process until its tree is gone. After it has been given to the reaper only the reaper's thread touches it.</summary>
internal sealed class RunningProcess(int pid, int pidfd, IProcessTree tree, DateTimeOffset started, TaskCompletionSource<ProcessReport> completion)
{
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

    internal int WaitStatus { get; set; }

    internal RootUsage RootUsage { get; set; }

    internal long SampledKiB { get; set; }

    internal long OomKillsBefore { get; init; }

    /// <summary>When to stop waiting for what has been killed, as a Stopwatch timestamp; 0 while nothing is being ended.</summary>
    internal long EndDeadline { get; set; }

    /// <summary>Whether it has been given up: answered, but still there.</summary>
    internal bool GivenUp { get; set; }
}
