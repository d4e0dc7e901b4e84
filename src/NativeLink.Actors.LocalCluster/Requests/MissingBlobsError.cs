using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Requests;

/// <summary>The error that makes a client upload what is missing and try again.</summary>
internal static class MissingBlobsError
{
    /// <summary>FAILED_PRECONDITION with a <c>PreconditionFailure</c>: one violation of type MISSING a blob.</summary>
    public static RpcException Create(IReadOnlyList<Digest> missing)
    {
        var failure = new PreconditionFailure();
        foreach (var digest in missing)
            failure.Violations.Add(new PreconditionFailure.Types.Violation
            {
                Type = "MISSING",
                Subject = Subject(digest),
            });
        var status = new Google.Rpc.Status
        {
            Code = (int)StatusCode.FailedPrecondition,
            Message = $"not in the CAS, or not readable there: {string.Join(", ", missing)}; upload and execute again",
        };
        status.Details.Add(Any.Pack(failure));
        return status.ToRpcException();
    }

    /// <summary><c>blobs/{function/}{hash}/{size}</c> (REAPI); SHA-256 goes without its name.</summary>
    private static string Subject(Digest digest) =>
        digest.Function == DigestFunction.Sha256 ? $"blobs/{digest}" : $"blobs/{digest.Function.LowerName()}/{digest}";
}
