using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NativeLink.Actors.LocalCluster.Tests.Host;

/// <summary>
/// NativeLink's own worker writes <c>:scheme: grpc</c>, which no .NET client can be made to do: the
/// frames are written by hand.
/// </summary>
public sealed class AlternateSchemeTests
{
    private const byte Headers = 1;
    private const byte EndHeaders = 4;
    private const byte EndStream = 1;
    private const byte Status200 = 0x88;

    [Theory]
    [InlineData("grpc")]
    [InlineData("http")]
    public async Task A_call_is_served_whatever_the_scheme_says(string scheme)
    {
        await using var cluster = await RunningCluster.StartAsync();
        foreach (var address in new[] { cluster.Server.ClientAddress, cluster.Server.WorkerApiAddress })
            Assert.Equal(Status200, await FirstHeaderOfAnswerAsync(address, scheme));
    }

    private static async Task<byte> FirstHeaderOfAnswerAsync(IPEndPoint address, string scheme)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var socket = new TcpClient();
        await socket.ConnectAsync(address, patience.Token);
        await using var stream = socket.GetStream();
        byte[] call =
        [
            .. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(4, 0, 0, []),
            .. Frame(Headers, EndHeaders, 1, HeaderBlock(scheme)), .. Frame(0, EndStream, 1, [0, 0, 0, 0, 0]),
        ];
        await stream.WriteAsync(call, patience.Token);
        var head = new byte[9];
        while (true)
        {
            await stream.ReadExactlyAsync(head, patience.Token);
            var payload = new byte[(head[0] << 16) | (head[1] << 8) | head[2]];
            await stream.ReadExactlyAsync(payload, patience.Token);
            Assert.NotEqual(3, head[3]);
            if (head[3] == Headers)
                return payload[0];
        }
    }

    private static byte[] HeaderBlock(string scheme)
    {
        (string Name, string Value)[] headers =
        [
            (":method", "POST"), (":scheme", scheme), (":path",
                "/build.bazel.remote.execution.v2.Capabilities/GetCapabilities"),
            (":authority", "localhost"), ("content-type", "application/grpc"), ("te", "trailers"),
        ];
        return [.. headers.SelectMany(header => (byte[])[0, .. Text(header.Name), .. Text(header.Value)])];
    }

    private static byte[] Text(string text) => [(byte)text.Length, .. Encoding.ASCII.GetBytes(text)];

    private static byte[] Frame(byte type, byte flags, byte stream, byte[] payload) =>
        [0, (byte)(payload.Length >> 8), (byte)payload.Length, type, flags, 0, 0, 0, stream, .. payload];
}
