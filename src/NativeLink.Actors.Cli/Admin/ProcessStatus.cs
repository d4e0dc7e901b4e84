using System.Collections.Immutable;
using NativeLink.Actors.Cli.Hosting;
using NativeLink.Actors.Worker;

namespace NativeLink.Actors.Cli.Admin;

/// <summary>The workers of this process.</summary>
/// <param name="servesWithoutWorkers">Whether there is a cluster too.</param>
internal sealed class ProcessStatus(WorkerHost workers, Signals signals, bool servesWithoutWorkers) : IStatusSource
{
    public bool ServesWithoutWorkers => servesWithoutWorkers;

    public Task<ImmutableArray<WorkerState>> WorkersAsync() => workers.StatesAsync();

    public void Drain() => signals.RequestFinish();

    public void Pause(string? worker, string reason) => workers.Pause(worker, reason);

    public void Resume(string? worker) => workers.Resume(worker);
}
