using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace NativeLink.Actors.Cas.Channels;

/// <summary>
/// A connected socket as a stream that acknowledges at once. The kernel forgets TCP_QUICKACK by
/// itself (tcp(7)), so it is set again after each read: a peer without TCP_NODELAY would otherwise
/// hold back the second half of each small answer for 40 ms.
/// </summary>
internal sealed class QuickAckStream : ConnectionStream
{
    private const int IpProtoTcp = 6;
    private const int TcpQuickAck = 12;
    private static readonly byte[] On = BitConverter.GetBytes(1);

    private readonly Socket _socket;
    private Action? _onClosed;

    /// <param name="onClosed">Called once, when the peer or this side ends the connection.</param>
    public QuickAckStream(Socket socket, Action? onClosed = null)
        : base(new NetworkStream(socket, ownsSocket: true))
    {
        (_socket, _onClosed) = (socket, onClosed);
        AcknowledgeAtOnce();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await Inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        if (read > 0)
            AcknowledgeAtOnce();
        else if (buffer.Length > 0)
            Interlocked.Exchange(ref _onClosed, null)?.Invoke();
        return read;
    }

    public override int Read(Span<byte> buffer)
    {
        var read = Inner.Read(buffer);
        if (read > 0)
            AcknowledgeAtOnce();
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Interlocked.Exchange(ref _onClosed, null)?.Invoke();
        base.Dispose(disposing);
    }

    private void AcknowledgeAtOnce()
    {
        try
        {
            _socket.SetRawSocketOption(IpProtoTcp, TcpQuickAck, On);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Only speed is at stake: a socket that is being closed, or a kernel without the
            // option, works all the same.
        }
    }
}
