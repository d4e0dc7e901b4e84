using System.Collections.Immutable;
using Akka.Actor;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Worker;

/// <summary>What a host and its pool say to each other.</summary>
internal static class PoolProtocol
{
    /// <summary>Answered by AllRegistered when every worker has been registered at least once.</summary>
    public sealed record AwaitRegistered;

    public sealed record AllRegistered;

    /// <summary>Answered by Stopped when no worker is left, or a service that all need has died for good.</summary>
    public sealed record AwaitStopped;

    /// <param name="Fault">Null when the workers were told to stop.</param>
    public sealed record Stopped(Fault? Fault);

    /// <summary>Every worker refuses new work, finishes what runs and says goodbye. Answered by AllDrained.</summary>
    public sealed record DrainAll;

    /// <param name="Completed">Whether everything that ran was finished and answered.</param>
    public sealed record AllDrained(bool Completed);

    /// <summary>Every worker, or the one of this name, finishes what runs and stays without a scheduler.</summary>
    public sealed record PauseWorkers(string? Name, string Reason);

    /// <summary>Ends such pauses, and those that workers have begun themselves.</summary>
    public sealed record ResumeWorkers(string? Name);

    /// <summary>Answered by WorkerStates, at once.</summary>
    public sealed record DescribeWorkers;

    public sealed record WorkerStates(ImmutableArray<WorkerState> Workers);

    /// <summary>Every worker ends everything now; the pool then stops.</summary>
    public sealed record ShutdownAll;
}

/// <summary>One worker of a pool.</summary>
/// <param name="Name">For logs.</param>
/// <param name="Uploader">Index of the uploader it uses.</param>
/// <param name="Connect">Makes its connection's settings once the shared services are there.</param>
internal sealed record PooledWorker(string Name, int Uploader, Func<ExecutorPeers, ConnectionSettings> Connect);

/// <summary>What a pool runs.</summary>
/// <param name="Downloader">Shared by all workers.</param>
/// <param name="Runner">Shared by all workers.</param>
/// <param name="Uploaders">One for each set of stores that results go to.</param>
internal sealed record WorkerPoolSettings(
    Props Downloader, Props Runner, IReadOnlyList<Props> Uploaders, IReadOnlyList<PooledWorker> Workers);
