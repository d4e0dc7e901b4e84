namespace NativeLink.Actors.Protocol;

/// <summary>
/// The scheduler's id of an operation (<c>StartExecute.operation_id</c>):
/// opaque text, not the name that clients see.
/// </summary>
public readonly record struct OperationId(string Value)
{
    /// <summary>The text itself.</summary>
    public override string ToString() => Value;
}

/// <summary>
/// The id that the scheduler gave to a worker
/// (<c>ConnectionResult.worker_id</c>); it lives as long as the stream.
/// </summary>
public readonly record struct WorkerId(string Value)
{
    /// <summary>The text itself.</summary>
    public override string ToString() => Value;
}

/// <summary>
/// One attempt at an operation, from the moment a worker takes it on to the end of its last trace.
/// The scheduler sends the same operation again while an earlier attempt is still being cleaned up,
/// and to several workers of one process: whatever belongs to an attempt (directories, downloads,
/// runs, uploads) is named by this. Two values are never the same one: each has a number of its own
/// in this process.
/// </summary>
internal readonly record struct AttemptId
{
    private static long _last;

    private AttemptId(OperationId operation, long number) => (Operation, Number) = (operation, number);

    public OperationId Operation { get; }

    public long Number { get; }

    /// <summary>A new attempt; the only way to come by one.</summary>
    public static AttemptId Next(OperationId operation) => new(operation, Interlocked.Increment(ref _last));

    /// <summary>
    /// <c>{operation id}.{number}</c>: after the last dot
    /// is the number, so no two attempts share a text.
    /// </summary>
    public override string ToString() =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Operation}.{Number}");
}
