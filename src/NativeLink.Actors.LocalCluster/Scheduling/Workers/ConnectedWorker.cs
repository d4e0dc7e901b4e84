using NativeLink.Actors.LocalCluster.Scheduling.Queueing;

namespace NativeLink.Actors.LocalCluster.Scheduling.Workers;

/// <summary>A worker while its stream lives. Only the engine's thread touches it.</summary>
internal sealed class ConnectedWorker(WorkerId id, WorkerLink link, WorkerKind kind)
{
    private static readonly TimeSpan FirstBackOff = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan LongestBackOff = TimeSpan.FromSeconds(1);

    public WorkerId Id => id;

    public WorkerLink Link => link;

    public WorkerProperties Properties => link.Properties;

    public Dictionary<OperationId, Assignment> Running { get; } = [];

    public WorkerKind Kind => kind;

    /// <summary>
    /// It had too much unread; whether it reads again
    /// has to be looked at, because nothing reports it.
    /// </summary>
    public bool Stalled { get; set; }

    /// <summary>Grows with each operation given; the smallest is the least recently used, 0 is never.</summary>
    public long LastUsed { get; set; }

    public bool Draining { get; set; }

    /// <summary>
    /// It refused for want of resources while it had
    /// other work; its next finished operation ends this.
    /// </summary>
    public bool Paused { get; private set; }

    /// <summary>It refused although idle: nothing before this time.</summary>
    public TimeSpan BackOffUntil { get; private set; }

    private int Refusals { get; set; }

    public bool IsFull => link.MaxInflight != 0 && (ulong)Running.Count >= link.MaxInflight;

    /// <summary>Has a free slot and is willing; says nothing of properties.</summary>
    public bool IsOpen(TimeSpan now)
    {
        if (Draining || Paused || BackOffUntil > now || IsFull)
            return false;
        Stalled = link.Unread >= WorkerLink.MaxUnreadStarts;
        return !Stalled;
    }

    /// <summary>
    /// Can take this operation now. One that it still holds from before is adopted: it needs
    /// neither slot nor quantities.
    /// </summary>
    public bool CanTake(ScheduledOperation operation, TimeSpan now) =>
        Running.TryGetValue(operation.Id, out var held)
            ? !held.KillSent && !Draining
            : IsOpen(now) && Properties.Satisfies(operation.Requirements);

    /// <summary>
    /// Of an open worker and an operation whose properties match:
    /// it does not still hold it, and its quantities suffice.
    /// </summary>
    public bool CanBegin(ScheduledOperation operation) =>
        !Running.ContainsKey(operation.Id) && Properties.HasFree(operation.Requirements);

    /// <summary>Takes it, or goes on with it if it still holds it.</summary>
    public Assignment Assign(ScheduledOperation operation, OperationQueue queue)
    {
        if (Running.TryGetValue(operation.Id, out var held))
            return held;
        var assignment = new Assignment(operation, this, queue.Charge(operation.Client));
        Properties.Reserve(operation.Requirements);
        Running.Add(operation.Id, assignment);
        return assignment;
    }

    public void ReleaseResources(Assignment assignment)
    {
        if (assignment.ProcessEnded)
            return;
        assignment.ProcessEnded = true;
        Properties.Release(assignment.Operation.Requirements);
    }

    /// <summary>Gives the slot back.</summary>
    public void ReleaseSlot(Assignment assignment)
    {
        ReleaseResources(assignment);
        Running.Remove(assignment.Operation.Id);
        Paused = false;
    }

    public void ResetRefusals() => Refusals = 0;

    /// <summary>
    /// It has no resources now. Returns when it is to be asked
    /// again, or null if that is when its next operation finishes.
    /// </summary>
    public TimeSpan? BackOff(TimeSpan now)
    {
        if (Running.Count > 0)
        {
            Paused = true;
            return null;
        }

        var delay = FirstBackOff * Math.Pow(2, Math.Min(Refusals++, 10));
        BackOffUntil = now + (delay < LongestBackOff ? delay : LongestBackOff);
        return BackOffUntil;
    }

    /// <summary>Why it cannot take this operation, for people.</summary>
    public string WhyNot(ScheduledOperation operation, TimeSpan now)
    {
        if (Draining)
            return "is draining";
        if (IsFull)
            return $"is full ({Running.Count} of {link.MaxInflight})";
        if (Paused || BackOffUntil > now)
            return "has just refused for want of resources";
        if (Properties.FirstUnsatisfied(operation.Requirements) is { } required)
            return required.Type == PropertyType.Minimum
                ? $"has not enough {required.Name} free for {required.Value}"
                : $"does not match {required.Name}={required.Value}";
        return Running.ContainsKey(operation.Id)
            ? "was told to kill it and has not answered"
            : "does not read its messages";
    }
}
