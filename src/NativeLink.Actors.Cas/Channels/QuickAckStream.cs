using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace NativeLink.Actors.Cas.Channels;

/// <summary>
/// A connected socket as a stream that acknowledges at once. The kernel forgets TCP_QUICKACK by itself (tcp(7)), so it is set again after each read:
/// a peer without TCP_NODELAY would otherwise hold back the second half of each small answer for 40 ms.
/// </summary>
internal sealed class QuickAckStream : Stream
{
    private const int IpProtoTcp = 6;
    private const int TcpQuickAck = 12;
    private static readonly byte[] On = BitConverter.GetBytes(1);

    private readonly Socket _socket;
    private readonly NetworkStream _inner;
    private Action? _onClosed;

    /// <param name="onClosed">Called once, when the peer or this side ends the connection.</param>
    public QuickAckStream(Socket socket, Action? onClosed = null)
    {
        (_socket, _onClosed) = (socket, onClosed);
        _inner = new NetworkStream(socket, ownsSocket: true);
        AcknowledgeAtOnce();
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException("a connection has no length");

    public override long Position
    {
        get => throw new NotSupportedException("a connection has no position");
        set => throw new NotSupportedException("a connection has no position");
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await _inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        if (read > 0)
            AcknowledgeAtOnce();
        else if (buffer.Length > 0)
            Interlocked.Exchange(ref _onClosed, null)?.Invoke();
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(Span<byte> buffer)
    {
        var read = _inner.Read(buffer);
        if (read > 0)
            AcknowledgeAtOnce();
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        _inner.WriteAsync(buffer, cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        _inner.WriteAsync(buffer, offset, count, cancellationToken);

    public override void Write(ReadOnlySpan<byte> buffer) => _inner.Write(buffer);

    public override void Write(byte[] buffer, int offset, int count) => _inner.Write(buffer, offset, count);

    public override void Flush() => _inner.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => _inner.FlushAsync(cancellationToken);

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("a connection cannot seek");

    public override void SetLength(long value) => throw new NotSupportedException("a connection has no length");

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Interlocked.Exchange(ref _onClosed, null)?.Invoke();
            _inner.Dispose();
        }
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
            // Only speed is at stake: a socket that is being closed, or a kernel without the option, works all the same.
        }
    }
}
