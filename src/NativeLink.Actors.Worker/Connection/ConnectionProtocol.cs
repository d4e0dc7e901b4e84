using Akka.Actor;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>What the pool and its connections say to each other.</summary>
internal static class ConnectionProtocol
{
    /// <summary>To a connection: refuse new work, finish what runs, say goodbye. Answered by one Drained.</summary>
    public sealed record Drain;

    /// <summary>
    /// To a connection: end everything now, without another
    /// stream. The connection stops when its actions have ended.
    /// </summary>
    public sealed record Shutdown;

    /// <summary>From a connection, each time the scheduler has accepted it.</summary>
    public sealed record Registered(WorkerId Id);

    /// <summary>From a connection: nothing runs any more and the scheduler knows.</summary>
    /// <param name="Completed">Whether everything that ran was finished and answered.</param>
    public sealed record Drained(bool Completed);
}

/// <summary>What a connection needs to work.</summary>
/// <param name="Options">The worker that it is.</param>
/// <param name="Actions">Says what its queries of platform properties find in their environment.</param>
/// <param name="Link">The way to its scheduler.</param>
/// <param name="Launcher">Runs the queries of platform properties.</param>
/// <param name="Executor">Makes one executor.</param>
/// <param name="Random">Jitters delays.</param>
internal sealed record ConnectionSettings(
    ConnectionOptions Options, ExecutorOptions Actions, ISchedulerLink Link, IProcessLauncher Launcher,
    Func<Props> Executor, Random Random)
{
    /// <summary>Where the small outputs of queries may be written; a directory that exists.</summary>
    public required string ScratchDirectory { get; init; }

    /// <summary>0 or what the options say is passed to the scheduler; this is how many run here at once.</summary>
    public int Slots { get; init; } = UsualSlots;

    /// <summary>
    /// Operations beyond these wait for nothing: they are refused, RESOURCE_EXHAUSTED. Some kilobytes each.
    /// </summary>
    public int MostWaiting { get; init; } = 16_384;

    internal static int UsualSlots => Environment.ProcessorCount * 8;

    /// <summary>How long running actions may take to end when the stream is lost.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
