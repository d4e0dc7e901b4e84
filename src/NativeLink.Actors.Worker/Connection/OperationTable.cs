using Akka.Actor;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>An operation of the stream that is open now.</summary>
internal sealed class Operation(ActionAssignment assignment)
{
    public ActionAssignment Assignment { get; } = assignment;

    /// <summary>Null while it waits for a slot, and when its answer is held back.</summary>
    public IActorRef? Executor { get; set; }

    /// <summary>An answer that is held back for a moment (wire contract 3.7, back-pressure of an idle worker).</summary>
    public Wire.ExecuteResult? Held { get; set; }
}

/// <summary>Which operations this worker has, which of them run, and which wait for a slot. Answered ones are forgotten.</summary>
internal sealed class OperationTable(int slots)
{
    private readonly Dictionary<OperationId, Operation> _operations = [];
    private readonly LinkedList<Operation> _waiting = [];

    public enum Admission
    {
        /// <summary>New: it runs or waits.</summary>
        Admitted,

        /// <summary>The same operation, already here: run once, answered once (wire contract 3.5).</summary>
        Adopted,

        /// <summary>The id is taken by another action.</summary>
        Conflict,
    }

    public int Count => _operations.Count;

    public int Waiting => _waiting.Count;

    /// <summary>Operations that have an executor.</summary>
    public int Running { get; private set; }

    public IEnumerable<Operation> All => _operations.Values;

    public Operation? Find(OperationId id) => _operations.GetValueOrDefault(id);

    public Admission Admit(ActionAssignment assignment)
    {
        if (_operations.TryGetValue(assignment.Id, out var known))
            return known.Assignment.Action == assignment.Action ? Admission.Adopted : Admission.Conflict;
        var operation = new Operation(assignment);
        _operations.Add(assignment.Id, operation);
        _waiting.AddLast(operation);
        return Admission.Admitted;
    }

    /// <summary>The next operation that may run now; null when all slots are taken or nothing waits.</summary>
    public Operation? TakeNext()
    {
        if (Running >= slots || _waiting.First is not { } first)
            return null;
        _waiting.RemoveFirst();
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
        _waiting.Remove(operation);
        _operations.Remove(operation.Assignment.Id);
    }
}
