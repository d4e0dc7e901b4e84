using Grpc.Core;
using Microsoft.AspNetCore.Connections;

namespace NativeLink.Actors.LocalCluster.Connections;

/// <summary>Tells connections to the address of the worker API from others.</summary>
internal sealed class WorkerAddress
{
    private static readonly WorkerAddress Instance = new();

    /// <summary>Goes before Kestrel's own handler of a connection.</summary>
    public static ConnectionDelegate Mark(ConnectionDelegate next) => connection =>
    {
        connection.Features.Set(Instance);
        return next(connection);
    };

    /// <exception cref="RpcException">UNIMPLEMENTED, as of a server that does not have the service:
    /// the call came to another address.</exception>
    public static void Check(ServerCallContext context)
    {
        if (context.GetHttpContext().Features.Get<WorkerAddress>() is null)
            throw new RpcException(
                new Status(StatusCode.Unimplemented, "the worker API is not served on this address"));
    }
}
