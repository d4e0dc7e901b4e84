using Google.ByteStream;
using Google.Protobuf;
using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

/// <summary>ByteStream calls as clients make them.</summary>
internal static class ByteStreamCalls
{
    /// <summary>Tests fail instead of hanging.</summary>
    public static DateTime Deadline => DateTime.UtcNow.AddSeconds(30);

    public static string UploadName(Digest digest, string? uuid = null, string form = "blobs/", string instance = "") =>
        $"{instance}uploads/{uuid ?? Guid.NewGuid().ToString()}/{form}{digest.Hash}/{digest.SizeBytes}";

    public static AsyncClientStreamingCall<WriteRequest, WriteResponse> BeginWrite(
        this ByteStream.ByteStreamClient client) => client.Write(deadline: Deadline);

    public static Task SendAsync(
        this AsyncClientStreamingCall<WriteRequest, WriteResponse> call, string name, long offset,
        ReadOnlySpan<byte> data, bool finish = false) =>
        call.RequestStream.WriteAsync(new WriteRequest
        {
            ResourceName = name,
            WriteOffset = offset,
            Data = ByteString.CopyFrom(data),
            FinishWrite = finish,
        });

    /// <summary>Uploads in messages of the given size; the last one ends the write.</summary>
    public static async Task<long> UploadAsync(
        this ByteStream.ByteStreamClient client, string name, byte[] content, int chunk = 64 << 10)
    {
        using var call = client.BeginWrite();
        var at = 0;
        do
        {
            var length = Math.Min(chunk, content.Length - at);
            try
            {
                await call.SendAsync(at == 0 ? name : "", at, content.AsSpan(at, length),
                    finish: at + length == content.Length);
            }
            catch (RpcException)
            {
                // The answer came early; it says what there is to say.
                break;
            }
            at += length;
        }
        while (at < content.Length);
        return (await call.ResponseAsync).CommittedSize;
    }

    public static async Task<(byte[] Content, int LargestMessage)> DownloadAsync(
        this ByteStream.ByteStreamClient client, string name, long offset = 0, long limit = 0)
    {
        using var call = client.Read(new ReadRequest
        {
            ResourceName = name,
            ReadOffset = offset,
            ReadLimit = limit,
        }, deadline: Deadline);
        using var content = new MemoryStream();
        var largest = 0;
        await foreach (var message in call.ResponseStream.ReadAllAsync())
        {
            largest = Math.Max(largest, message.Data.Length);
            message.Data.WriteTo(content);
        }
        return (content.ToArray(), largest);
    }

    public static Task<QueryWriteStatusResponse> StatusAsync(this ByteStream.ByteStreamClient client, string name) =>
        client.QueryWriteStatusAsync(new QueryWriteStatusRequest
        {
            ResourceName = name,
        }, deadline: Deadline).ResponseAsync;
}
