using System.Net;
using System.Net.Sockets;

namespace NativeLink.Actors.Benchmarks.Chaos;

/// <summary>
/// Stands between clients and a server on loopback, under an address that stays while the server comes and goes with
/// others; cuts what goes through, or holds it back.
/// </summary>
internal sealed class FaultProxy : IAsyncDisposable
{
    private const int BufferBytes = 64 << 10;

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _ending = new();
    private readonly HashSet<Pair> _open = [];
    private readonly Lock _gate = new();
    private readonly Task _accepting;
    private TaskCompletionSource _flows = Flowing();
    private IPEndPoint? _server;

    public FaultProxy()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        _accepting = AcceptAsync();
    }

    /// <summary><c>host:port</c>.</summary>
    public string Address => _listener.LocalEndPoint!.ToString()!;

    /// <summary>Where new connections lead to; null: nowhere, they are closed at once.</summary>
    public string? Server
    {
        set
        {
            lock (_gate)
                _server = value is null ? null : IPEndPoint.Parse(value);
        }
    }

    /// <summary>Resets every connection; how many there were.</summary>
    public int Cut()
    {
        List<Pair> open;
        lock (_gate)
            open = [.. _open];
        foreach (var pair in open)
            pair.Reset();
        return open.Count;
    }

    /// <summary>Nothing gets through, and nobody is told, until <see cref="Release"/>.</summary>
    public void Hold()
    {
        lock (_gate)
            _flows = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    public void Release()
    {
        lock (_gate)
            _flows.TrySetResult();
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Dispose();
        Release();
        Cut();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ending.Dispose();
    }

    private static TaskCompletionSource Flowing()
    {
        var flows = new TaskCompletionSource();
        flows.SetResult();
        return flows;
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
        using var pair = new Pair(client);
        IPEndPoint? server;
        lock (_gate)
        {
            server = _server;
            _open.Add(pair);
        }
        try
        {
            if (server is null)
                return;
            await pair.Server.ConnectAsync(server, _ending.Token);
            await Task.WhenAny(PumpAsync(pair.Client, pair.Server), PumpAsync(pair.Server, pair.Client));
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Nobody is there; disposing tells the client.
        }
        finally
        {
            lock (_gate)
                _open.Remove(pair);
        }
    }

    private async Task PumpAsync(Socket from, Socket to)
    {
        var buffer = new byte[BufferBytes];
        int read;
        while ((read = await from.ReceiveAsync(buffer, _ending.Token)) > 0)
        {
            Task flows;
            lock (_gate)
                flows = _flows.Task;
            await flows;
            for (var sent = 0; sent < read;)
                sent += await to.SendAsync(buffer.AsMemory(sent, read - sent), _ending.Token);
        }
    }

    private sealed class Pair(Socket client) : IDisposable
    {
        public Socket Client { get; } = Eager(client);

        public Socket Server { get; } = Eager(new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));

        /// <summary>Both sides hear of it at once (RST), and what was under way is lost.</summary>
        public void Reset()
        {
            foreach (var socket in (Socket[])[Client, Server])
                socket.Close(0);
        }

        public void Dispose()
        {
            Client.Dispose();
            Server.Dispose();
        }

        private static Socket Eager(Socket socket)
        {
            socket.NoDelay = true;
            return socket;
        }
    }
}
