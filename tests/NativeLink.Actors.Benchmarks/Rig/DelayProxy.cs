using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>
/// Stands between a client and a server on loopback and holds everything
/// back for a while, half of a round trip in each direction, without
/// limiting how much is under way; counts the calls that it sees.
/// </summary>
internal sealed class DelayProxy : IAsyncDisposable
{
    private const int BufferBytes = 128 << 10;

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _ending = new();
    private readonly IPEndPoint _server;
    private readonly Task _accepting;
    private long _halfTicks;
    private long _calls;

    public DelayProxy(string server)
    {
        _server = IPEndPoint.Parse(server);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        _accepting = AcceptAsync();
    }

    /// <summary><c>host:port</c>.</summary>
    public string Address => _listener.LocalEndPoint!.ToString()!;

    /// <summary>What a round trip through here takes longer.</summary>
    public TimeSpan Latency
    {
        set => Volatile.Write(ref _halfTicks, (long)(value.TotalSeconds / 2 * Stopwatch.Frequency));
    }

    /// <summary>Calls (HTTP/2 streams) that were opened through here.</summary>
    public long Calls => Interlocked.Read(ref _calls);

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ending.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            var client = await _listener.AcceptAsync(_ending.Token);
            _ = ServeAsync(client);
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true,
        };
        using (client)
        {
            client.NoDelay = true;
            try
            {
                await server.ConnectAsync(_server, _ending.Token);
                await Task.WhenAny(PumpAsync(client, server, new CallCounter(() => Interlocked.Increment(ref _calls))),
                    PumpAsync(server, client, null));
            }
            catch (Exception error) when (error is SocketException or OperationCanceledException)
            {
                // One side has gone; disposing tells the other.
            }
        }
    }

    private async Task PumpAsync(Socket from, Socket to, CallCounter? counter)
    {
        var held = Channel.CreateUnbounded<(long Due, byte[] Bytes)>();
        var sending = SendAsync(held.Reader, to);
        var buffer = new byte[BufferBytes];
        int read;
        while ((read = await from.ReceiveAsync(buffer, _ending.Token)) > 0)
        {
            counter?.See(buffer.AsSpan(0, read));
            held.Writer.TryWrite((Stopwatch.GetTimestamp() + Volatile.Read(ref _halfTicks), buffer[..read]));
        }
        held.Writer.Complete();
        await sending;
    }

    private async Task SendAsync(ChannelReader<(long Due, byte[] Bytes)> held, Socket to)
    {
        await foreach (var (due, bytes) in held.ReadAllAsync(_ending.Token))
        {
            for (long left; (left = due - Stopwatch.GetTimestamp()) > 0;)
                await Task.Delay(TimeSpan.FromSeconds((double)left / Stopwatch.Frequency), _ending.Token);
            await to.SendAsync(bytes, _ending.Token);
        }
    }

    /// <summary>Follows a client's side of HTTP/2 (RFC 9113, section 4.1) and sees each new stream.</summary>
    private sealed class CallCounter(Action opened)
    {
        private const int PrefaceBytes = 24;
        private const int HeaderBytes = 9;
        private const byte HeadersFrame = 1;

        private readonly byte[] _header = new byte[HeaderBytes];
        private long _skip = PrefaceBytes;
        private int _have;
        private int _last;

        public void See(ReadOnlySpan<byte> bytes)
        {
            while (bytes.Length > 0)
            {
                var skipped = (int)Math.Min(_skip, bytes.Length);
                _skip -= skipped;
                bytes = bytes[skipped..];
                var taken = Math.Min(HeaderBytes - _have, bytes.Length);
                bytes[..taken].CopyTo(_header.AsSpan(_have));
                _have += taken;
                bytes = bytes[taken..];
                if (_have == HeaderBytes)
                    OnHeader();
            }
        }

        private void OnHeader()
        {
            _have = 0;
            _skip = (_header[0] << 16) | (_header[1] << 8) | _header[2];
            var stream = ((_header[5] & 0x7f) << 24) | (_header[6] << 16) | (_header[7] << 8) | _header[8];
            if (_header[3] != HeadersFrame || stream <= _last)
                return;
            _last = stream;
            opened();
        }
    }
}
