using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>Names that clients give: <c>{instance}/{id}</c>; the part after the last slash is the id.</summary>
internal static class OperationNames
{
    /// <exception cref="RpcException">INTERNAL, as NativeLink answers: the name has no slash.</exception>
    public static void Check(string name)
    {
        if (!name.Contains('/', StringComparison.Ordinal))
            throw new RpcException(new Status(StatusCode.Internal, $"'{name}' is no operation name: it has the form instance/id"));
    }
}
