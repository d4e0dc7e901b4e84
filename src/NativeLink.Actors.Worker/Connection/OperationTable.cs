using Akka.Actor;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>One attempt at an operation: of the stream that is open now, or an orphan.</summary>
internal sealed class Operation(ActionAssignment assignment)
{
    public AttemptId Attempt { get; } = AttemptId.Next(assignment.Id);

    public ActionAssignment Assignment { get; } = assignment;

    /// <summary>Null while it waits for a slot, and when its answer is held back.</summary>
    public IActorRef? Executor { get; set; }

    /// <summary>
    /// An answer that is held back for a moment
    /// (protos/README.md 3.7, back-pressure of an idle worker).
    /// </summary>
    public ExecuteResult? Held { get; set; }

    /// <summary>Its place among those that wait for a slot.</summary>
    public LinkedListNode<Operation>? Place { get; set; }

    /// <summary>
    /// Whether the scheduler has killed it: what is sent
    /// under its id from then on is another attempt.
    /// </summary>
    public bool Killed { get; set; }

    /// <summary>
    /// Whether the scheduler has sent the operation anew after killing this attempt: it ends, holds
    /// its slot until then, and is not answered.
    /// </summary>
    public bool Superseded { get; set; }

    /// <summary>Whether its stream was lost and it runs on: superseded too.</summary>
    public bool IsOrphan { get; set; }

    /// <summary>The connection whose orphan runs the same action: that one's result is this one's too.</summary>
    public IActorRef? Foster { get; set; }
}

/// <summary>
/// Which operations this worker has, which of them run,
/// and which wait for a slot. Answered ones are forgotten.
/// </summary>
internal sealed class OperationTable(int slots)
{
    private readonly Dictionary<AttemptId, Operation> _attempts = [];
    private readonly Dictionary<OperationId, Operation> _current = [];
    private readonly LinkedList<Operation> _waiting = [];

    public enum Admission
    {
        /// <summary>New: it runs or waits.</summary>
        Admitted,

        /// <summary>The same operation, already here: run once, answered once (protos/README.md 3.5).</summary>
        Adopted,

        /// <summary>The id is taken by another action.</summary>
        Conflict,
    }

    public int Count => _attempts.Count;

    /// <summary>Attempts of lost streams that run on.</summary>
    public int Orphans { get; private set; }

    public int Waiting => _waiting.Count;

    /// <summary>Attempts that have an executor.</summary>
    public int Running { get; private set; }

    /// <summary>Every attempt, superseded ones too.</summary>
    public IEnumerable<Operation> All => _attempts.Values;

    /// <summary>The attempt whose answer is the operation's.</summary>
    public Operation? Find(OperationId id) => _current.GetValueOrDefault(id);

    /// <summary>
    /// Null for attempts of an earlier stream that are no
    /// orphans, and for those that have been answered.
    /// </summary>
    public Operation? Find(AttemptId attempt) => _attempts.GetValueOrDefault(attempt);

    public Admission Admit(ActionAssignment assignment)
    {
        if (_current.TryGetValue(assignment.Id, out var known))
            return known.Assignment.Action == assignment.Action ? Admission.Adopted : Admission.Conflict;
        Enqueue(Add(assignment));
        return Admission.Admitted;
    }

    /// <summary>One whose answer comes from an orphan of this or of another connection; it takes no slot.</summary>
    public Operation AdmitFostered(ActionAssignment assignment, IActorRef foster)
    {
        var operation = Add(assignment);
        operation.Foster = foster;
        return operation;
    }

    /// <summary>It waits for a slot.</summary>
    public void Enqueue(Operation operation) => operation.Place = _waiting.AddLast(operation);

    /// <summary>A running attempt gives up its id, and runs on.</summary>
    public void Orphan(Operation operation)
    {
        (operation.Superseded, operation.IsOrphan) = (true, true);
        _current.Remove(operation.Assignment.Id);
        Orphans++;
    }

    private Operation Add(ActionAssignment assignment)
    {
        var operation = new Operation(assignment);
        _attempts.Add(operation.Attempt, operation);
        _current.Add(assignment.Id, operation);
        return operation;
    }

    /// <summary>
    /// A killed attempt at this operation gives up its id: a new one may be admitted, and that one
    /// alone is answered. Says whether there was one.
    /// </summary>
    public bool SupersedeKilled(OperationId id)
    {
        if (Find(id) is not { Killed: true, Executor: not null } dying)
            return false;
        dying.Superseded = true;
        return _current.Remove(id);
    }

    /// <summary>The next operation that may run now; null when all slots are taken or nothing waits.</summary>
    public Operation? TakeNext()
    {
        if (Running >= slots || _waiting.First is not { } first)
            return null;
        _waiting.RemoveFirst();
        first.Value.Place = null;
        Running++;
        return first.Value;
    }

    /// <summary>The operation's executor is done: its slot is free, its answer may still be held back.</summary>
    public void FreeSlot(Operation operation)
    {
        if (operation.Executor is null)
            return;
        operation.Executor = null;
        Running--;
    }

    public void Remove(Operation operation)
    {
        FreeSlot(operation);
        if (operation.Place is { } place)
            _waiting.Remove(place);
        operation.Place = null;
        if (_attempts.Remove(operation.Attempt) && operation.IsOrphan)
            Orphans--;
        if (!operation.Superseded)
            _current.Remove(operation.Assignment.Id);
    }
}
