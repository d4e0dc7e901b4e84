using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Scheduling.Queueing;
using NativeLink.Actors.LocalCluster.Scheduling.Workers;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>
/// The part that keeps the workers: who is connected, alive, and what they may say
/// (protos/README.md 3.2 to 3.8).
/// </summary>
internal sealed partial class SchedulerEngine
{
    private Deadlines.Deadline? _livenessCheck;
    private bool _checkWasLate;
    private TimeSpan _silenceCountsFrom = TimeSpan.MinValue / 2;

    public void Register(Register request)
    {
        var link = request.Link;
        if (_stopped || _workers.Count >= _options.MaxWorkers)
        {
            link.Refuse(_stopped ? StatusCode.Unavailable : StatusCode.ResourceExhausted,
                _stopped
                    ? "the scheduler is shutting down"
                    : $"{_workers.Count} workers are connected already, no more are taken");
            return;
        }

        var worker = new ConnectedWorker(new WorkerId(link.Prefix + _newId()), link,
            _queue.AddWorker(link.Properties));
        link.Worker = worker;
        link.TrySend(new Wire.UpdateForWorker
        {
            ConnectionResult = new Wire.ConnectionResult { WorkerId = worker.Id.Value },
        });
        _workers.Add(worker);
        if (_livenessCheck is null)
            WatchLiveness();
        _log.WorkerConnected(worker.Id, _workers.Count);
        OfferWork(worker);
        if (_queue.HasToSort)
            SortSome();
    }

    public void Receive(UpdateReceived received)
    {
        if (received.Link.Worker is not { } worker)
            return;
        switch (received.Update.UpdateCase)
        {
            case Wire.UpdateForScheduler.UpdateOneofCase.KeepAliveRequest:
                received.Link.TryHandle(received.Update);
                break;
            case Wire.UpdateForScheduler.UpdateOneofCase.ExecuteComplete:
                OnExecuteComplete(worker, received.Update.ExecuteComplete);
                break;
            case Wire.UpdateForScheduler.UpdateOneofCase.ExecuteResult:
                OnExecuteResult(worker, received.Update.ExecuteResult);
                break;
            case Wire.UpdateForScheduler.UpdateOneofCase.GoingAwayRequest:
                Evict(worker, "it said that it is going away");
                break;
            case Wire.UpdateForScheduler.UpdateOneofCase.ConnectWorkerRequest:
                _log.StrayMessage(worker.Id, "a second connect_worker_request");
                break;
            default:
                _log.StrayMessage(worker.Id, "an update that is empty or of a kind unknown here");
                break;
        }
    }

    public void WorkerDisconnected(WorkerDisconnected request)
    {
        if (request.Link.Worker is { } worker)
            Evict(worker, request.Reason);
    }

    public void Drain(Drain request)
    {
        var worker = _workers.Find(request.Worker);
        if (worker is not null)
        {
            worker.Draining = request.Draining;
            foreach (var waiting in worker.Running.Values.Select(run => run.Operation)
                .Where(operation => operation.IsQueued).ToList())
                OfferToWorkers(waiting);
            OfferWork(worker);
        }

        request.Answer.TrySetResult(worker is not null);
    }

    private void WatchLiveness()
    {
        var due = Now + LivenessCheck;
        _livenessCheck = _workers.Count == 0 ? null : _deadlines.Add(due, () => CheckLiveness(due));
    }

    /// <summary>
    /// A check that comes late says that this process stood still, and whoever reads the streams
    /// may have stood with it: then silence is counted from now. Checks that are late all the time
    /// say that there is much to do; the streams are read all the same.
    /// </summary>
    private void CheckLiveness(TimeSpan due)
    {
        var late = Now - due >= LivenessCheck;
        if (late && !_checkWasLate)
            _silenceCountsFrom = Now;
        _checkWasLate = late;
        foreach (var worker in _workers.All.Where(IsSilent).ToList())
            Evict(worker, $"no keep-alive for {_options.WorkerTimeout.TotalSeconds} s");
        foreach (var worker in _workers.All.Where(w => w.Stalled).ToList())
            OfferWork(worker);
        WatchLiveness();
    }

    private bool IsSilent(ConnectedWorker worker) =>
        worker.Link.Silence >= _options.WorkerTimeout && Now - _silenceCountsFrom >= _options.WorkerTimeout;

    /// <summary>
    /// Ends a worker's session. What ran there and still
    /// counts is queued again, at the cost of an attempt.
    /// </summary>
    private void Evict(ConnectedWorker worker, string reason)
    {
        if (!_workers.Remove(worker))
            return;
        OperationQueue.RemoveWorker(worker.Kind);
        Disconnect(worker);
        var runs = worker.Running.Values.ToList();
        worker.Running.Clear();
        _log.WorkerGone(worker.Id, reason, runs.Count);
        foreach (var run in runs)
        {
            _deadlines.Cancel(run.KillDeadline);
            _revoked.Remove(run);
            _queue.Refund(run.Payer);
            if (!run.IsCurrent)
                continue;
            Unassign(run.Operation, answered: run);
            CountAttempt(run.Operation, StatusCode.Internal, $"worker {worker.Id} was disconnected: {reason}");
        }

        foreach (var operation in runs.Select(run => run.Operation).OrderByDescending(o => o.Priority)
            .ThenBy(o => o.Sequence))
            OfferToWorkers(operation);
    }

    private static void Disconnect(ConnectedWorker worker)
    {
        worker.Link.TrySend(new Wire.UpdateForWorker { Disconnect = new Empty() });
        worker.Link.Close();
        worker.Link.Worker = null;
    }

    private void OnExecuteComplete(ConnectedWorker worker, Wire.ExecuteComplete complete)
    {
        if (!worker.Running.TryGetValue(new OperationId(complete.OperationId), out var run))
        {
            Evict(worker, $"it completed operation '{complete.OperationId}', which should not be running on it");
            return;
        }

        worker.ReleaseResources(run);
        if (run.IsCurrent)
        {
            _deadlines.Cancel(run.Operation.RunDeadline);
            WatchSilence(run);
        }

        OfferWork(worker);
    }

    private void OnExecuteResult(ConnectedWorker worker, Wire.ExecuteResult result)
    {
        if (!worker.Running.TryGetValue(new OperationId(result.OperationId), out var run))
        {
            Evict(worker, $"it sent a result for operation '{result.OperationId}', which should not be running on it");
            return;
        }

        worker.ReleaseSlot(run);
        _queue.Refund(run.Payer);
        _deadlines.Cancel(run.KillDeadline);
        _revoked.Remove(run);
        var refused = result.ResultCase == Wire.ExecuteResult.ResultOneofCase.InternalError
            && result.InternalError.Code == (int)StatusCode.ResourceExhausted;
        if (!refused)
            worker.ResetRefusals();
        else if (worker.BackOff(Now) is { } again)
            _deadlines.Add(again, () => OfferWork(worker));
        Settle(run, result, refused);
        OfferWork(worker);
        OfferToWorkers(run.Operation);
    }
}
