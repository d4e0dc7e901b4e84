namespace NativeLink.Actors.Protocol;

/// <summary>The scheduler's id of an operation (<c>StartExecute.operation_id</c>): opaque text, not the name that clients see.</summary>
public readonly record struct OperationId(string Value)
{
    public override string ToString() => Value;
}

/// <summary>The id that the scheduler gave to a worker (<c>ConnectionResult.worker_id</c>); it lives as long as the stream.</summary>
public readonly record struct WorkerId(string Value)
{
    public override string ToString() => Value;
}
