using System.Collections.Immutable;
using Akka.Actor;
using NativeLink.Actors.Cli.Hosting;
using NativeLink.Actors.Worker;

namespace NativeLink.Actors.Cli.Admin;

/// <summary>The workers of this process.</summary>
/// <param name="servesWithoutWorkers">Whether there is a cluster too.</param>
internal sealed class ProcessStatus(Signals signals, bool servesWithoutWorkers) : IStatusSource
{
    /// <summary>Null while the process starts.</summary>
    public WorkerHost? Workers { get; set; }

    public bool ServesWithoutWorkers => servesWithoutWorkers;

    public async Task<ImmutableArray<WorkerState>> WorkersAsync()
    {
        try
        {
            return Workers is { } workers
                ? await workers.StatesAsync()
                : throw new TimeoutException("the process is starting");
        }
        catch (AskTimeoutException error)
        {
            throw new TimeoutException("the workers do not answer", error);
        }
    }

    public void Drain() => signals.RequestFinish();

    public void Pause(string? worker, string reason) => Workers?.Pause(worker, reason);

    public void Resume(string? worker) => Workers?.Resume(worker);
}
