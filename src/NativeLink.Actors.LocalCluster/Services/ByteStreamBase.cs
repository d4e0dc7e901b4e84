using Google.ByteStream;
using Google.Protobuf;
using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary><c>google.bytestream.ByteStream</c> with marshallers that neither allocate nor copy more than once; the generated base class would.</summary>
[BindServiceMethod(typeof(ByteStreamBase), nameof(BindService))]
public abstract class ByteStreamBase
{
    private const string Service = "google.bytestream.ByteStream";

    private static readonly Marshaller<WriteChunk> WriteChunks = new(
        static (_, _) => throw new NotSupportedException("this end only receives WriteRequest"), WriteChunk.Deserialize);

    private static readonly Marshaller<ReadChunk> ReadChunks = new(
        ReadChunk.Serialize, static _ => throw new NotSupportedException("this end only sends ReadResponse"));

    private static readonly Method<ReadRequest, ReadChunk> ReadMethod =
        new(MethodType.ServerStreaming, Service, nameof(Read), Generated(ReadRequest.Parser), ReadChunks);

    private static readonly Method<WriteChunk, WriteResponse> WriteMethod =
        new(MethodType.ClientStreaming, Service, nameof(Write), WriteChunks, Generated(WriteResponse.Parser));

    private static readonly Method<QueryWriteStatusRequest, QueryWriteStatusResponse> QueryWriteStatusMethod =
        new(MethodType.Unary, Service, nameof(QueryWriteStatus), Generated(QueryWriteStatusRequest.Parser), Generated(QueryWriteStatusResponse.Parser));

    public abstract Task Read(ReadRequest request, IServerStreamWriter<ReadChunk> responses, ServerCallContext context);

    public abstract Task<WriteResponse> Write(IAsyncStreamReader<WriteChunk> requests, ServerCallContext context);

    public abstract Task<QueryWriteStatusResponse> QueryWriteStatus(QueryWriteStatusRequest request, ServerCallContext context);

    /// <summary>Called by the server with a null service to learn the methods.</summary>
    public static void BindService(ServiceBinderBase binder, ByteStreamBase? service)
    {
        binder.AddMethod(ReadMethod, service is null ? null : service.Read);
        binder.AddMethod(WriteMethod, service is null ? null : service.Write);
        binder.AddMethod(QueryWriteStatusMethod, service is null ? null : service.QueryWriteStatus);
    }

    private static Marshaller<T> Generated<T>(MessageParser<T> parser)
        where T : IMessage<T> =>
        Marshallers.Create(
            (message, context) =>
            {
                context.SetPayloadLength(message.CalculateSize());
                message.WriteTo(context.GetBufferWriter());
                context.Complete();
            },
            context => parser.ParseFrom(context.PayloadAsReadOnlySequence()));
}
