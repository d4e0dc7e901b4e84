using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Requests;

/// <summary>
/// Whose share of the workers a call takes: its build tool's invocation, as the request metadata
/// names it, or else its connection's.
/// </summary>
internal static class ClientIdentity
{
    private const string Header = "build.bazel.remote.execution.v2.requestmetadata-bin";

    /// <summary>A longer name is not kept for each operation.</summary>
    private const int LongestInvocation = 256;

    public static string Of(ServerCallContext context)
    {
        if (context.RequestHeaders.GetValueBytes(Header) is { Length: > 0 } bytes
            && WireMessages.TryParse(Reapi.RequestMetadata.Parser, bytes, out var metadata, out _)
            && metadata.ToolInvocationId is { Length: > 0 and <= LongestInvocation } invocation)
        {
            return invocation;
        }

        // In a name of its own: an invocation cannot be taken for a connection.
        return $"connection {context.GetHttpContext().Connection.Id}";
    }
}
