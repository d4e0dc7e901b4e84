using Google.ByteStream;
using Grpc.Core;
using NativeLink.Actors.Cas.Codec;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>
/// <c>google.bytestream.ByteStream</c> with the frames of the codec, which neither allocate nor
/// copy more than once; the generated base class would.
/// </summary>
[BindServiceMethod(typeof(ByteStreamBase), nameof(BindService))]
internal abstract class ByteStreamBase
{
    public abstract Task Read(ReadRequest request, IServerStreamWriter<ReadFrame> responses, ServerCallContext context);

    public abstract Task<WriteResponse> Write(IAsyncStreamReader<WriteFrame> requests, ServerCallContext context);

    public abstract Task<QueryWriteStatusResponse> QueryWriteStatus(
        QueryWriteStatusRequest request, ServerCallContext context);

    /// <summary>Called by the server with a null service to learn the methods.</summary>
    public static void BindService(ServiceBinderBase binder, ByteStreamBase? service)
    {
        binder.AddMethod(ByteStreamMethods.Read, service is null ? null : service.Read);
        binder.AddMethod(ByteStreamMethods.Write, service is null ? null : service.Write);
        binder.AddMethod(ByteStreamMethods.QueryWriteStatus, service is null ? null : service.QueryWriteStatus);
    }
}
