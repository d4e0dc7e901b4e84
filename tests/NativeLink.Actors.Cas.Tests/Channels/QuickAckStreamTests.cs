using System.Net;
using System.Net.Sockets;
using NativeLink.Actors.Cas.Channels;

namespace NativeLink.Actors.Cas.Tests.Channels;

public sealed class QuickAckStreamTests
{
    [Fact]
    public async Task A_socket_acknowledges_at_once_also_after_many_small_exchanges()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listener.LocalEndpoint);
        using var server = await listener.AcceptSocketAsync();
        await using var stream = new QuickAckStream(client);
        var buffer = new byte[16];
        // An exchange of questions and answers is what makes the kernel delay acknowledgements.
        for (var i = 0; i < 20; i++)
        {
            await stream.WriteAsync("ask"u8.ToArray());
            Assert.Equal(3, await server.ReceiveAsync(buffer));
            await server.SendAsync("told"u8.ToArray());
            Assert.Equal(4, await stream.ReadAsync(buffer));
            var value = new byte[4];
            client.GetRawSocketOption(6, 12, value);
            Assert.Equal(1, BitConverter.ToInt32(value));
        }
        server.Close();
        Assert.Equal(0, await stream.ReadAsync(buffer));
    }
}
