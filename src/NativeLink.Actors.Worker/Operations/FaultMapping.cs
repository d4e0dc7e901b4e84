using System.Globalization;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using GrpcCode = Grpc.Core.StatusCode;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>The one table from faults to the wire (protos/README.md 3.7 and 3.14).</summary>
internal static class FaultMapping
{
    // One violation is about 110 bytes and its digest in the message 76: 15 000 of both stay below
    // the 4 MiB a scheduler accepts.
    private const int MaxMissingNamed = 15_000;

    /// <summary>
    /// Whether the fault ends the operation (execute_response);
    /// else the scheduler tries again (internal_error).
    /// </summary>
    public static bool IsFinal(Fault fault) =>
        fault.Kind is FaultKind.Action or FaultKind.Missing or FaultKind.Aborted or FaultKind.TimedOut;

    /// <summary>
    /// The status of the answer, with a PreconditionFailure
    /// for missing blobs (REAPI <c>Execute</c>).
    /// </summary>
    /// <param name="fault">What went wrong.</param>
    /// <param name="backPressure">Whether RESOURCE_EXHAUSTED is meant; else it would be retried
    /// without end, since it costs no attempt.</param>
    public static Status ToStatus(Fault fault, bool backPressure = false)
    {
        var code = fault.Kind switch
        {
            FaultKind.Action => fault.Code ?? GrpcCode.InvalidArgument,
            FaultKind.Missing => GrpcCode.FailedPrecondition,
            FaultKind.Aborted => GrpcCode.Aborted,
            FaultKind.TimedOut => GrpcCode.DeadlineExceeded,
            FaultKind.Storage => fault.Code ?? GrpcCode.Unavailable,
            _ => fault.Code ?? GrpcCode.Internal,
        };
        if (code == GrpcCode.OK)
            code = GrpcCode.Internal;
        if (code == GrpcCode.ResourceExhausted && !backPressure && !IsFinal(fault))
            code = GrpcCode.Unavailable;
        var status = new Status { Code = (int)code, Message = fault.Detail };
        if (fault.Kind == FaultKind.Missing && !fault.Missing.IsDefaultOrEmpty)
            AddMissing(status, fault);
        return status;
    }

    private static void AddMissing(Status status, Fault fault)
    {
        var details = new PreconditionFailure();
        var message = new StringBuilder(fault.Detail);
        message.Append(CultureInfo.InvariantCulture, $" [{fault.Missing.Length} missing:");
        foreach (var digest in fault.Missing.Take(MaxMissingNamed))
        {
            message.Append(CultureInfo.InvariantCulture, $" {digest}");
            details.Violations.Add(new PreconditionFailure.Types.Violation
            {
                Type = "MISSING",
                Subject = Subject(digest),
            });
        }
        if (fault.Missing.Length > MaxMissingNamed)
            message.Append(" …");
        status.Message = message.Append(']').ToString();
        status.Details.Add(Any.Pack(details));
    }

    // REAPI: the function is named unless its hash length tells it; sha256 is never named.
    private static string Subject(in Digest digest) =>
        digest.Function == DigestFunction.Sha256 ? $"blobs/{digest}" : $"blobs/{digest.Function.LowerName()}/{digest}";
}
