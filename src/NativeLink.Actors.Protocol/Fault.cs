using System.Collections.Immutable;
using Grpc.Core;

namespace NativeLink.Actors.Protocol;

/// <summary>Whose fault it is; this picks the answer on the wire.</summary>
public enum FaultKind
{
    /// <summary>
    /// The action is wrong (its tree, its command, its paths): a final answer, INVALID_ARGUMENT
    /// unless the code says otherwise.
    /// </summary>
    Action,

    /// <summary>This worker failed: an internal_error, so that the scheduler tries again.</summary>
    Worker,

    /// <summary>A store, near or far, failed: an internal_error.</summary>
    Storage,

    /// <summary>Inputs are not in the CAS: a final FAILED_PRECONDITION with one MISSING violation a blob.</summary>
    Missing,

    /// <summary>The scheduler or a lost stream ended it.</summary>
    Aborted,

    /// <summary>A deadline of the action passed: a final DEADLINE_EXCEEDED.</summary>
    TimedOut,
}

/// <summary>Why something failed, as a value. The first fault of an action wins.</summary>
/// <param name="Detail">One sentence for the person who reads the build's output: what, where, and what to do.</param>
public sealed record Fault(FaultKind Kind, string Detail)
{
    /// <summary>The gRPC code to report when the kind alone does not say it.</summary>
    public StatusCode? Code { get; init; }

    /// <summary>For <see cref="FaultKind.Missing"/>: every blob found missing.</summary>
    public ImmutableArray<Digest> Missing { get; init; } = [];

    /// <summary>
    /// Turns an exception into the fault it carries, or into the fault of
    /// <paramref name="otherwise"/>.
    /// </summary>
    public static Fault From(Exception error, FaultKind otherwise = FaultKind.Worker) => error switch
    {
        AggregateException { InnerExceptions: [var only] } => From(only, otherwise),
        FaultException carrier => carrier.Fault,
        OperationCanceledException => new Fault(FaultKind.Aborted, "cancelled"),
        RpcException rpc => new Fault(FaultKind.Storage, $"{rpc.StatusCode}: {rpc.Status.Detail}")
        {
            Code = rpc.StatusCode,
        },
        _ => new Fault(otherwise, $"{error.GetType().Name}: {error.Message}"),
    };
}

/// <summary>
/// Carries a <see cref="Protocol.Fault"/> through code that
/// throws; ends at the <c>failure:</c> mapper of an actor.
/// </summary>
public class FaultException : Exception
{
    /// <summary>The message is the kind and the detail of the fault.</summary>
    public FaultException(Fault fault, Exception? inner = null)
        : base($"{fault.Kind}: {fault.Detail}", inner) => Fault = fault;

    /// <summary>As with <c>new Fault(kind, detail)</c>: a fault without a code and without digests.</summary>
    public FaultException(FaultKind kind, string detail, Exception? inner = null)
        : this(new Fault(kind, detail), inner)
    {
    }

    /// <summary>What is carried; <see cref="Protocol.Fault.From"/> gets it out again.</summary>
    public Fault Fault { get; }
}
