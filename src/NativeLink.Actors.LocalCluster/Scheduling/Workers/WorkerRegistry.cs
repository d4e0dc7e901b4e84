namespace NativeLink.Actors.LocalCluster.Scheduling.Workers;

/// <summary>The connected workers, and which of them is next.</summary>
internal sealed class WorkerRegistry(bool mostRecentlyUsedFirst)
{
    private readonly Dictionary<WorkerId, ConnectedWorker> _workers = [];
    private long _uses;

    public int Count => _workers.Count;

    public IReadOnlyCollection<ConnectedWorker> All => _workers.Values;

    public void Add(ConnectedWorker worker) => _workers.Add(worker.Id, worker);

    public bool Remove(ConnectedWorker worker) => _workers.Remove(worker.Id);

    public bool Contains(ConnectedWorker worker) => _workers.ContainsKey(worker.Id);

    public ConnectedWorker? Find(WorkerId id) => _workers.GetValueOrDefault(id);

    /// <summary>The worker that takes this operation now, by order of use; null when none can.</summary>
    public ConnectedWorker? Choose(ScheduledOperation operation, TimeSpan now)
    {
        ConnectedWorker? best = null;
        foreach (var worker in _workers.Values)
        {
            if (best is not null && (mostRecentlyUsedFirst
                ? worker.LastUsed <= best.LastUsed
                : worker.LastUsed >= best.LastUsed))
                continue;
            if (worker.CanTake(operation, now))
                best = worker;
        }

        if (best is not null)
            best.LastUsed = ++_uses;
        return best;
    }

    /// <summary>Why no worker takes this operation, each reason with the number of workers it holds for.</summary>
    public string WhyNone(ScheduledOperation operation, TimeSpan now) => Count == 0
        ? "no worker is connected"
        : string.Join("; ", _workers.Values.GroupBy(w => w.WhyNot(operation, now), StringComparer.Ordinal)
            .Select(g => $"{g.Count()} {g.Key}"));
}
