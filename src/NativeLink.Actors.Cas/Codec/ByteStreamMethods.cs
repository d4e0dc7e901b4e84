using Google.ByteStream;
using Google.Protobuf;
using Grpc.Core;

namespace NativeLink.Actors.Cas.Codec;

/// <summary>
/// <c>google.bytestream.ByteStream</c> with marshallers of our own, for both ends: generated code
/// allocates at least a byte for each byte received. The wire is the same (protos/README.md 1.5).
/// </summary>
internal static class ByteStreamMethods
{
    private const string Service = "google.bytestream.ByteStream";

    public static readonly Method<ReadRequest, ReadFrame> Read = new(
        MethodType.ServerStreaming, Service, nameof(Read), Generated(ReadRequest.Parser),
        new Marshaller<ReadFrame>(ReadFrame.Serialize,
            static context => ReadFrame.Parse(context.PayloadAsReadOnlySequence())));

    public static readonly Method<WriteFrame, WriteResponse> Write = new(
        MethodType.ClientStreaming, Service, nameof(Write), new Marshaller<WriteFrame>(
            WriteFrame.Serialize, WriteFrame.Deserialize), Generated(WriteResponse.Parser));

    public static readonly Method<QueryWriteStatusRequest, QueryWriteStatusResponse> QueryWriteStatus = new(
        MethodType.Unary, Service, nameof(QueryWriteStatus), Generated(QueryWriteStatusRequest.Parser), Generated(
            QueryWriteStatusResponse.Parser));

    private static Marshaller<T> Generated<T>(MessageParser<T> parser)
        where T : IMessage<T> =>
        new(
            static (message, context) =>
            {
                context.SetPayloadLength(message.CalculateSize());
                message.WriteTo(context.GetBufferWriter());
                context.Complete();
            },
            context => parser.ParseFrom(context.PayloadAsReadOnlySequence()));
}
