using Akka.Actor;
using Akka.Event;
using NativeLink.Actors.Worker.Operations;
using static NativeLink.Actors.Worker.Connection.ConnectionProtocol;
using static NativeLink.Actors.Worker.Operations.ExecutorProtocol;

namespace NativeLink.Actors.Worker.Connection;

/// <content>
/// Orphans: actions that run on after their stream was lost, where the options say so. They keep their slots and report
/// to no scheduler. Who is sent the same action, this connection or one of a worker that runs actions in the same way,
/// adopts it: the orphan's result is the answer, whether it has come already or not.
/// </content>
internal sealed partial class SchedulerConnection
{
    // Results that are kept, and how large each may be.
    private const int MostResultsKept = 256;
    private const int LargestResultKept = 64 << 10;

    private static readonly TimeSpan CompletenessBound = TimeSpan.FromSeconds(30);

    private readonly Dictionary<Digest, Orphan> _orphans = [];
    private readonly Dictionary<Digest, IActorRef> _orphansOfSiblings = [];

    // --- whose stream was lost ---

    /// <summary>Whether it runs on. Of several of one action only one does.</summary>
    private bool TryOrphan(Operation operation)
    {
        var action = operation.Assignment.Action;
        if (!Options.OnDisconnect.Finish || operation.Executor is null || operation.Superseded || operation.Killed
            || !_orphans.TryAdd(action, new Orphan(operation)))
            return false;
        _operations.Orphan(operation);
        StartOrphanBound(action);
        Context.Parent.Tell(new OrphanBegan(action));
        return true;
    }

    private void StartOrphanBound(Digest action) =>
        Timers.StartSingleTimer(action, new OrphanExpired(action), Options.OnDisconnect.Bound);

    private void OnOrphanExpired(Digest action)
    {
        if (!_orphans.TryGetValue(action, out var orphan))
            return;
        if (orphan.Operation is { Executor: { } executor } operation)
        {
            _log.Warning(
                "operation {OperationId} has run on for {Bound} after its stream and nobody came for it: killed",
                operation.Assignment.Id, MessageText.Seconds(Options.OnDisconnect.Bound));
            executor.Tell(new KillAction(operation.Attempt, "nobody came for it after its stream was lost"));
        }
        else
            DropOrphan(action);
    }

    /// <summary>What an orphan has come to; its slot is free.</summary>
    private void SettleOrphan(Operation operation, Finished? finished)
    {
        var action = operation.Assignment.Action;
        if (!_orphans.TryGetValue(action, out var orphan) || orphan.Operation != operation)
            return;
        Timers.Cancel(action);
        var result = finished?.Result is { ExecuteResponse.Status: null or { Code: 0 } } usable ? usable : null;
        // A failure may be this machine's or this moment's: later ones try for themselves.
        (orphan.Result, orphan.DoNotCache, orphan.Failed) =
            (result, finished?.DoNotCache ?? false, finished?.ResultKind != ResultKind.Succeeded);
        foreach (var adopter in orphan.Adopters)
            adopter.Connection.Tell(
                new Adopted(adopter.Attempt, orphan.MayAnswer(adopter.Assignment, isNew: true) ? result : null));
        orphan.Adopters.Clear();
        if (result is null || result.ExecuteResponse!.CalculateSize() > LargestResultKept)
        {
            DropOrphan(action);
            return;
        }
        StartOrphanBound(action);
        var kept = _orphans.Where(static entry => entry.Value.Result is not null).ToList();
        if (kept.Count > MostResultsKept)
            DropOrphan(kept.MinBy(static entry => entry.Value.Operation.Attempt.Number).Key);
    }

    private void DropOrphan(Digest action)
    {
        Timers.Cancel(action);
        if (!_orphans.Remove(action, out var orphan))
            return;
        foreach (var adopter in orphan.Adopters)
            adopter.Connection.Tell(new Adopted(adopter.Attempt, null));
        Context.Parent.Tell(new OrphanGone(action));
    }

    // --- and who adopts it ---

    /// <summary>Whether an orphan's result will answer it.</summary>
    private bool TryAdopt(ActionAssignment assignment)
    {
        var foster = _orphans.ContainsKey(assignment.Action)
            ? Self
            : _orphansOfSiblings.GetValueOrDefault(assignment.Action);
        if (foster is null || _operations.Find(assignment.Id) is not null)
            return false;
        var operation = _operations.AdmitFostered(assignment, foster);
        if (!foster.Equals(Self))
            Context.WatchWith(foster, new FosterGone(foster));
        foster.Tell(new Adopt(operation.Attempt, assignment));
        return true;
    }

    private void OnAdopted(Adopted adopted)
    {
        if (_operations.Find(adopted.Attempt) is not { Foster: not null } operation)
            return;
        operation.Foster = null;
        if (adopted.Result is { } result)
        {
            _log.Info("operation {OperationId} is answered with what the same action came to, whose stream was lost",
                operation.Assignment.Id);
            Answer(operation, result with
            {
                OperationId = operation.Assignment.Id,
                InstanceName = operation.Assignment.InstanceName,
            });
        }
        else if (IsLeaving)
            Answer(operation, ExecuteResultBuilder.Refuse(
                operation.Assignment.Id, operation.Assignment.InstanceName, LeavingFault));
        else
        {
            _operations.Enqueue(operation);
            Telemetry.WorkerMetrics.ChangeWaiting(1);
            StartWaiting();
        }
    }

    private void OnFosterGone(IActorRef foster)
    {
        foreach (var operation in _operations.All.Where(operation => foster.Equals(operation.Foster)).ToList())
            OnAdopted(new Adopted(operation.Attempt, null));
    }

    // --- its foster's side ---

    private void OnAdopt(Adopt adopt, IActorRef adopter)
    {
        if (!_orphans.TryGetValue(adopt.Assignment.Action, out var orphan)
            || !orphan.MayAnswer(adopt.Assignment, isNew: orphan.Result is null))
        {
            adopter.Tell(new Adopted(adopt.Attempt, null));
            return;
        }
        if (orphan.Result is { } result)
        {
            AnswerIfComplete(adopt, adopter, result);
            return;
        }
        _log.Info("operation {OperationId} runs already, as {Attempt}, whose stream was lost: adopted",
            adopt.Assignment.Id, orphan.Operation.Attempt);
        orphan.Adopters.Add(new Adopter(adopter, adopt.Attempt, adopt.Assignment));
        Timers.Cancel(adopt.Assignment.Action);
    }

    /// <summary>What it names may have gone from the CAS since then.</summary>
    private void AnswerIfComplete(Adopt adopt, IActorRef adopter, ExecuteResult result)
    {
        if (_settings.IsComplete is not { } isComplete)
        {
            adopter.Tell(new Adopted(adopt.Attempt, result));
            return;
        }
        var bound = new CancellationTokenSource(CompletenessBound);
        isComplete(result.ExecuteResponse!.Result, adopt.Assignment.Action.Function, bound.Token).PipeTo(adopter,
            success: complete =>
            {
                bound.Dispose();
                return new Adopted(adopt.Attempt, complete ? result : null);
            },
            failure: _ =>
            {
                bound.Dispose();
                return new Adopted(adopt.Attempt, null);
            });
    }

    private void OnAdoptionOver(AdoptionOver over)
    {
        if (!_orphans.TryGetValue(over.Action, out var orphan)
            || orphan.Adopters.RemoveAll(adopter => adopter.Attempt == over.Attempt) == 0
            || orphan.Adopters.Count > 0)
            return;
        if (over.Killed && orphan.Operation.Executor is { } executor)
            executor.Tell(
                new KillAction(orphan.Operation.Attempt, "the scheduler killed the operation that adopted it"));
        else
            StartOrphanBound(over.Action);
    }

    /// <summary>In every state alike. Whether it was about orphans.</summary>
    private bool OnOrphans(object message)
    {
        switch (message)
        {
            case Finished finished when _operations.Find(finished.Id) is { IsOrphan: true } operation:
                SettleOrphan(operation, finished);
                Forget(operation);
                return true;
            case ExecutorGone gone when _operations.Find(gone.Attempt) is { IsOrphan: true } operation:
                SettleOrphan(operation, null);
                Forget(operation);
                return true;
            case ProcessEnded ended when _operations.Find(ended.Id) is { IsOrphan: true } operation:
                if (_orphans.TryGetValue(operation.Assignment.Action, out var orphan))
                    orphan.Adopters.ForEach(
                        static adopter => adopter.Connection.Tell(new AdoptedProcessEnded(adopter.Attempt)));
                return true;
            case OrphanExpired expired:
                OnOrphanExpired(expired.Action);
                return true;
            case OrphanOfSibling known:
                _orphansOfSiblings[known.Action] = known.Foster;
                return true;
            case OrphanOfSiblingGone gone:
                if (gone.Foster.Equals(_orphansOfSiblings.GetValueOrDefault(gone.Action)))
                    _orphansOfSiblings.Remove(gone.Action);
                return true;
            case Adopt adopt:
                OnAdopt(adopt, Sender);
                return true;
            case AdoptionOver over:
                OnAdoptionOver(over);
                return true;
            case Adopted adopted:
                OnAdopted(adopted);
                return true;
            case FosterGone gone:
                OnFosterGone(gone.Foster);
                return true;
            default:
                return false;
        }
    }

    private void ForgetOrphans()
    {
        foreach (var action in _orphans.Keys.ToList())
            DropOrphan(action);
    }

    private sealed class Orphan(Operation operation)
    {
        public Operation Operation { get; } = operation;

        public List<Adopter> Adopters { get; } = [];

        /// <summary>Null while it runs.</summary>
        public ExecuteResult? Result { get; set; }

        public bool DoNotCache { get; set; }

        public bool Failed { get; set; }

        /// <param name="assignment">Who would be answered.</param>
        /// <param name="isNew">Whether the result comes after it was asked for.</param>
        public bool MayAnswer(ActionAssignment assignment, bool isNew) =>
            assignment.Id == Operation.Assignment.Id
                || (!DoNotCache && (isNew || !(Failed || assignment.SkipCacheLookup)));
    }

    private sealed record Adopter(IActorRef Connection, AttemptId Attempt, ActionAssignment Assignment);

    private sealed record OrphanExpired(Digest Action);

    private sealed record FosterGone(IActorRef Foster);
}
