using Grpc.Core;

namespace NativeLink.Actors.Cas.Channels;

/// <summary>
/// A call that this side is not content with although the service has answered: it is made again
/// like one that failed, and says nothing of the service.
/// </summary>
internal sealed class OwnRpcException(Status status) : RpcException(status);
