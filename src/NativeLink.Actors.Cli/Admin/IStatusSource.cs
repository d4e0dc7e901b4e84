using System.Collections.Immutable;
using NativeLink.Actors.Worker;

namespace NativeLink.Actors.Cli.Admin;

/// <summary>The process that a status server tells of, and what it may be told to do.</summary>
internal interface IStatusSource
{
    /// <summary>
    /// Whether it can be of use without a worker of its
    /// own: a cluster whose workers come from elsewhere.
    /// </summary>
    bool ServesWithoutWorkers { get; }

    /// <summary>What its workers do.</summary>
    /// <exception cref="TimeoutException">Nobody answers.</exception>
    Task<ImmutableArray<WorkerState>> WorkersAsync();

    /// <summary>To finish what runs, and end: as SIGTERM does.</summary>
    void Drain();

    /// <param name="worker">The name of one; null: all.</param>
    /// <param name="reason">For the log, and for whoever asks.</param>
    void Pause(string? worker, string reason);

    /// <param name="worker">The name of one; null: all.</param>
    void Resume(string? worker);
}
