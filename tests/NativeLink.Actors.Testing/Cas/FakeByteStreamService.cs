using Google.ByteStream;
using Google.Protobuf;
using Grpc.Core;

namespace NativeLink.Actors.Testing.Cas;

internal sealed class FakeByteStreamService(FakeCasServer server) : ByteStream.ByteStreamBase
{
    private const int ChunkBytes = 64 << 10;

    public override async Task Read(
        ReadRequest request, IServerStreamWriter<ReadResponse> responseStream, ServerCallContext context)
    {
        await server.EnterAsync("Read", request, context);
        var name = Parse(request.ResourceName, upload: false);
        var content = server.Find(name.Digest)
            ?? throw new RpcException(new Status(StatusCode.NotFound, $"no blob {request.ResourceName}"));
        var rest = content.AsMemory((int)request.ReadOffset);
        if (name.Compressor == BlobCompressor.Zstd)
            rest = new ZstdSharp.Compressor(3).Wrap(rest.Span).ToArray();
        var call = new CasCall("ReadMessage", request, context.RequestHeaders);
        for (var at = 0; at < rest.Length; at += ChunkBytes)
        {
            await server.FaultAsync("ReadMessage", call);
            await responseStream.WriteAsync(new ReadResponse
            {
                Data = ByteString.CopyFrom(rest.Slice(at, Math.Min(ChunkBytes, rest.Length - at)).Span),
            });
        }
    }

    public override async Task<WriteResponse> Write(
        IAsyncStreamReader<WriteRequest> requestStream, ServerCallContext context)
    {
        if (!await requestStream.MoveNext())
            throw new RpcException(new Status(StatusCode.InvalidArgument, "a write without a message"));
        var message = requestStream.Current;
        await server.EnterAsync("Write", message, context);
        var name = Parse(message.ResourceName, upload: true);
        if (server.AnswersWritesEarly && server.Blobs.ContainsKey(name.Digest))
            return new WriteResponse
            {
                CommittedSize = name.Compressor == BlobCompressor.Identity ? name.Digest.SizeBytes : -1,
            };
        var received = new MemoryStream();
        received.Write(server.Partial.GetValueOrDefault(name.UploadId!, []));
        var finished = false;
        try
        {
            while (!finished)
            {
                server.WriteMessages.Enqueue(
                    (name.ToString(), message.WriteOffset, message.Data.Length, message.FinishWrite));
                Take(message, received);
                await server.FaultAsync("WriteMessage", new CasCall("WriteMessage", message, context.RequestHeaders));
                finished = message.FinishWrite;
                if (!finished && !await requestStream.MoveNext())
                    throw new RpcException(new Status(StatusCode.InvalidArgument, "closed without finish_write"));
                message = requestStream.Current;
            }
        }
        finally
        {
            // Only now: copying what has come at every message would cost the square of a large blob.
            if (!finished)
                server.Partial[name.UploadId!] = received.ToArray();
        }
        var content = received.ToArray();
        server.Partial.TryRemove(name.UploadId!, out _);
        server.Store(name.Digest, name.Compressor == BlobCompressor.Zstd
            ? new ZstdSharp.Decompressor().Unwrap(content).ToArray()
            : content);
        return new WriteResponse { CommittedSize = content.Length };
    }

    public override async Task<QueryWriteStatusResponse> QueryWriteStatus(
        QueryWriteStatusRequest request, ServerCallContext context)
    {
        await server.EnterAsync("QueryWriteStatus", request, context);
        var name = Parse(request.ResourceName, upload: true);
        var complete = server.Blobs.ContainsKey(name.Digest);
        return new QueryWriteStatusResponse
        {
            CommittedSize = complete
                ? name.Digest.SizeBytes
                : server.Partial.GetValueOrDefault(name.UploadId!, []).Length,
            Complete = complete,
        };
    }

    private static void Take(WriteRequest message, MemoryStream received)
    {
        if (message.WriteOffset > received.Length)
            throw new RpcException(
                new Status(StatusCode.InvalidArgument, $"out of order: {message.WriteOffset} after {received.Length}"));
        received.Position = message.WriteOffset;
        message.Data.WriteTo(received);
    }

    private static ResourceName Parse(string name, bool upload) =>
        ResourceName.TryParse(name, upload, DigestFunction.Sha256, out var parsed, out var error)
        ? parsed
        : throw new RpcException(new Status(StatusCode.InvalidArgument, error));
}
