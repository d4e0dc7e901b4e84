using System.Net;
using System.Net.Sockets;
using System.Text;
using Google.Protobuf;

namespace NativeLink.Actors.LocalCluster.Tests.Host;

/// <summary>Speaks HTTP/2 frame by frame, for what no well-behaved client does.</summary>
internal sealed class RawClient : IDisposable
{
    public const byte Data = 0;
    public const byte Reset = 3;

    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private readonly TcpClient _client = new();

    public static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    public static byte[] Settings { get; } = Frame(4, 0, 0, []);

    public static byte[] GoAway { get; } = Frame(7, 0, 0, new byte[8]);

    public static async Task<RawClient> ConnectAsync(IPEndPoint address)
    {
        var raw = new RawClient();
        await raw._client.ConnectAsync(address);
        await raw.SendAsync([.. Preface, .. Settings]);
        return raw;
    }

    /// <summary>Opens call number 1; its message is still to come.</summary>
    public static byte[] Call(string path) => Frame(1, 4, 1,
    [
        .. Header(":method", "POST"), .. Header(":scheme", "http"), .. Header(":path", path),
        .. Header(":authority", "x"), .. Header("te", "trailers"), .. Header("content-type", "application/grpc"),
    ]);

    /// <summary>The only message of call number 1.</summary>
    public static byte[] Message(IMessage message)
    {
        var bytes = message.ToByteArray();
        return Frame(Data, 1, 1, [0, 0, 0, (byte)(bytes.Length >> 8), (byte)bytes.Length, .. bytes]);
    }

    public static byte[] Frame(byte type, byte flags, byte stream, byte[] payload) =>
        [(byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length, type, flags, 0, 0, 0, stream,
            .. payload];

    public Task SendAsync(byte[] bytes) => _client.GetStream().WriteAsync(bytes).AsTask();

    /// <summary>Reads until a frame of this type on call number 1.</summary>
    public async Task ReceiveAsync(byte type)
    {
        using var bound = new CancellationTokenSource(Bound);
        var head = new byte[9];
        do
        {
            await _client.GetStream().ReadExactlyAsync(head, bound.Token);
            await _client.GetStream().ReadExactlyAsync(new byte[(head[0] << 16) | (head[1] << 8) | head[2]],
                bound.Token);
        }
        while (head[3] != type || head[8] != 1);
    }

    public void Dispose() => _client.Dispose();

    /// <summary>A literal that is not compressed and not indexed.</summary>
    private static byte[] Header(string name, string value) =>
        [0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];
}
