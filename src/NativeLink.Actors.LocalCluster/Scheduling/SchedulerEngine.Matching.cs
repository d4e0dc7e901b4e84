using NativeLink.Actors.LocalCluster.Scheduling.Clients;
using NativeLink.Actors.LocalCluster.Scheduling.Queueing;
using NativeLink.Actors.LocalCluster.Scheduling.Workers;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>
/// The part that brings operations and workers together. Between two messages no waiting operation
/// fits an open worker; so a new operation has to be offered to the workers alone, and a worker
/// that has become free has to be asked for its first fitting operation alone. A worker of a kind
/// that was never here before sees what waits bit by bit, within moments.
/// </summary>
internal sealed partial class SchedulerEngine
{
    /// <summary>Others have their turn between two pieces.</summary>
    private static readonly TimeSpan SortPause = TimeSpan.FromMilliseconds(1);

    private Deadlines.Deadline? _waitReport;
    private Deadlines.Deadline? _sorting;

    /// <summary>An operation is to run: at once, if a worker takes it.</summary>
    private void Enqueue(ScheduledOperation operation)
    {
        if (_draining)
        {
            Refuse(operation);
            return;
        }

        if (!operation.IsAwaited)
        {
            OnSubscribersChanged(operation);
            return;
        }

        if (TryStart(operation))
            return;
        _queue.Add(operation);
        WatchWaiting();
    }

    /// <summary>Queues an operation that was given back; the caller sees to it that somebody is offered it.</summary>
    private void Requeue(ScheduledOperation operation)
    {
        operation.Stage = Reapi.ExecutionStage.Types.Value.Queued;
        if (_draining)
        {
            Refuse(operation);
            return;
        }

        OperationRegistry.Publish(operation);
        if (!operation.IsAwaited)
        {
            OnSubscribersChanged(operation);
            return;
        }

        _queue.Add(operation);
        WatchWaiting();
    }

    /// <summary>Offers one waiting operation to all workers.</summary>
    private void OfferToWorkers(ScheduledOperation operation)
    {
        if (!operation.IsQueued || IsForsaken(operation) || _workers.Choose(operation, Now) is not { } worker)
            return;
        _queue.Remove(operation);
        Start(operation, worker);
    }

    /// <summary>A worker may take more than before: gives it what waits and fits, in order.</summary>
    private void OfferWork(ConnectedWorker worker)
    {
        while (_queue.Count > 0 && _workers.Contains(worker) && worker.IsOpen(Now)
            && OperationQueue.FirstFor(worker) is { } operation)
        {
            if (IsForsaken(operation))
                continue;
            // Another may fit it as well, if it was given back just now: whose turn it is decides.
            _queue.Remove(operation);
            Start(operation, _workers.Choose(operation, Now) ?? worker);
        }
    }

    /// <summary>
    /// Where all its streams have ended, it is set aside
    /// although the messages that say so have not arrived yet.
    /// </summary>
    private bool IsForsaken(ScheduledOperation operation)
    {
        if (operation.IsAwaited)
            return false;
        SetAside(operation);
        return true;
    }

    private bool TryStart(ScheduledOperation operation)
    {
        if (_workers.Choose(operation, Now) is not { } worker)
            return false;
        Start(operation, worker);
        return true;
    }

    private void Start(ScheduledOperation operation, ConnectedWorker worker)
    {
        var run = worker.Assign(operation, _queue);
        _revoked.Remove(run);
        operation.Assignment = run;
        operation.Stage = Reapi.ExecutionStage.Types.Value.Executing;
        if (!worker.Link.TrySend(StartOf(operation, worker)))
            // Not now: a pass is under way.
            _deadlines.Add(Now, () => Evict(worker, "a start_action could not be delivered to it"));
        WatchTimeout(run);
        WatchSilence(run);
        OperationRegistry.Publish(operation);
    }

    private static Wire.UpdateForWorker StartOf(ScheduledOperation operation, ConnectedWorker worker) => new()
    {
        StartAction = new Wire.StartExecute
        {
            OperationId = operation.Id.Value,
            QueuedTimestamp = operation.QueuedAt,
            Platform = operation.Requirements.ToPlatform(),
            WorkerId = worker.Id.Value,
            ExecuteRequest = new Reapi.ExecuteRequest
            {
                InstanceName = operation.Key.Instance,
                ActionDigest = operation.Key.Action.ToWire(),
                DigestFunction = operation.Key.Action.Function.ToWire(),
                SkipCacheLookup = operation.Submission.SkipCacheLookup,
            },
        },
    };

    private void WatchWaiting()
    {
        if (_options.MatchLoggingInterval > TimeSpan.Zero)
            _waitReport ??= _deadlines.Add(Now + _options.MatchLoggingInterval, ReportWaiting);
    }

    private void ReportWaiting()
    {
        _waitReport = null;
        if (_queue.Oldest is not { } oldest)
            return;
        _log.NoWorker(_queue.Count, oldest.Id, oldest.Requirements, _workers.WhyNone(oldest, Now));
        WatchWaiting();
    }

    /// <summary>
    /// Shows some of what waits to workers of new kinds, each of
    /// which may now take what another one's coming has sorted.
    /// </summary>
    private void SortSome()
    {
        _deadlines.Cancel(_sorting);
        var hopeful = _workers.All.Where(worker => _queue.HasToSortFor(worker.Kind)).ToList();
        _queue.SortSome();
        _sorting = _queue.HasToSort ? _deadlines.Add(Now + SortPause, SortSome) : null;
        hopeful.ForEach(OfferWork);
    }
}
