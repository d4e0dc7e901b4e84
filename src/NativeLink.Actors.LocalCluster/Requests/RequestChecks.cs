using System.Collections.Immutable;
using Grpc.Core;
using NativeLink.Actors.Posix;

namespace NativeLink.Actors.LocalCluster.Requests;

/// <summary>Reads the parts that all requests share, and says in the words of gRPC what is wrong with them.</summary>
internal static class RequestChecks
{
    /// <exception cref="RpcException">INVALID_ARGUMENT: the instance is not one of those served.</exception>
    public static void Instance(ImmutableArray<string> served, string instance)
    {
        if (served.IsEmpty || served.Contains(instance))
            return;
        throw Invalid(
            $"instance_name '{instance}' is not configured; served: " +
            $"{string.Join(", ", served.Select(name => $"'{name}'"))}");
    }

    /// <exception cref="RpcException">INVALID_ARGUMENT: a function other than SHA256 and BLAKE3.</exception>
    public static DigestFunction Function(Reapi.DigestFunction.Types.Value value) =>
        DigestFunctions.TryFromWire(value, out var function)
            ? function
            : throw Invalid($"digest function {value} is not served; use SHA256 or BLAKE3");

    /// <exception cref="RpcException">INVALID_ARGUMENT: absent or malformed; the message shows it.</exception>
    public static Digest Digest(Reapi.Digest? wire, DigestFunction function, string what)
    {
        try
        {
            return Protocol.Digest.FromWire(wire, function, what);
        }
        catch (FormatException error)
        {
            throw Invalid(error.Message);
        }
    }

    public static RpcException Invalid(string detail) => new(new Status(StatusCode.InvalidArgument, detail));

    public static RpcException NotFound(string detail) => new(new Status(StatusCode.NotFound, detail));

    /// <summary>
    /// The status of a store's failure while a client's bytes were taken in: wrong bytes are the
    /// client's mistake, the rest is ours.
    /// </summary>
    public static Status StatusOf(Exception error) => error switch
    {
        RpcException rpc => rpc.Status,
        FaultException { Fault: { Code: StatusCode.DataLoss } fault } =>
            new Status(StatusCode.InvalidArgument, fault.Detail),
        FaultException { Fault: { Kind: FaultKind.Missing } fault } => new Status(StatusCode.NotFound, fault.Detail),
        FaultException { Fault: var fault } => new Status(fault.Code ?? StatusCode.Internal, fault.Detail),
        IOException io when DiskFault.IsFull(io) =>
            new Status(StatusCode.ResourceExhausted, $"the store's disk is full: {io.Message}"),
        // Not EAGAIN, by which .NET also tells a lock.
        IOException io when Errno.Of(io) is Errno.EMFILE or Errno.ENFILE or Errno.ENOMEM =>
            new Status(StatusCode.Unavailable, $"no descriptor or memory is free for the store just now: {io.Message}"),
        IOException or UnauthorizedAccessException =>
            new Status(StatusCode.Internal, $"the store's disk failed: {error.Message}"),
        _ => new Status(StatusCode.Internal, $"{error.GetType().Name}: {error.Message}"),
    };
}
