using System.Collections.Immutable;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;

namespace NativeLink.Actors.Cas.Channels;

/// <summary>
/// Connections to the endpoints of one remote service, used in turn. Every client connection of the
/// worker is made here: TCP_NODELAY and TCP_QUICKACK on, TCP keep-alive, HTTP/2 pings only while
/// calls are open (idle pings make strict servers close the connection), windows of 8 MiB a stream.
/// </summary>
internal sealed class GrpcChannels : IDisposable
{
    private const int StreamWindowBytes = 8 << 20;

    /// <summary>
    /// Batches stay below 4 MiB; a GetTree page of a
    /// server that ignores the page size may be larger.
    /// </summary>
    private const int MaxMessageBytes = 16 << 20;

    private readonly ImmutableArray<Connection> _connections;
    private uint _next;
    private long _absences;

    /// <exception cref="FaultException">Worker: no endpoint, or a TLS file cannot be used.</exception>
    public GrpcChannels(ImmutableArray<GrpcEndpointOptions> endpoints, int connectionsPerEndpoint)
    {
        if (endpoints.IsDefaultOrEmpty)
            throw new FaultException(FaultKind.Worker, "a gRPC store without endpoints: name at least one address");
        _connections = [.. endpoints.SelectMany(endpoint => Enumerable.Range(0, Math.Max(1, connectionsPerEndpoint))
            .Select(_ => new Connection(this, endpoint)))];
        Name = string.Join(", ", endpoints.Select(endpoint => endpoint.Address.GetLeftPart(UriPartial.Authority)));
    }

    /// <summary>The addresses, for messages.</summary>
    public string Name { get; }

    /// <summary>How often the service is known to have been away; see <see cref="ICasClient.Absences"/>.</summary>
    public long Absences => Interlocked.Read(ref _absences);

    /// <summary>The connection whose turn it is.</summary>
    public Connection Next() => _connections[(int)(Interlocked.Increment(ref _next) % (uint)_connections.Length)];

    /// <summary>One channel of one connection; nothing is sent before the first call.</summary>
    /// <exception cref="FaultException">Worker: a TLS file cannot be used.</exception>
    public static GrpcChannel Open(GrpcEndpointOptions endpoint) => Open(endpoint, null);

    private static GrpcChannel Open(GrpcEndpointOptions endpoint, Action? onClosed)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = endpoint.ConnectTimeout > TimeSpan.Zero
                ? endpoint.ConnectTimeout
                : TimeSpan.FromSeconds(30),
            ConnectCallback = async (context, cancellation) => await ConnectAsync(
                context, endpoint, onClosed, cancellation).ConfigureAwait(false),
            EnableMultipleHttp2Connections = true,
            InitialHttp2StreamWindowSize = StreamWindowBytes,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            UseProxy = false,
        };
        if (endpoint.Http2KeepAliveInterval > TimeSpan.Zero)
        {
            handler.KeepAlivePingDelay = AtLeastASecond(endpoint.Http2KeepAliveInterval);
            handler.KeepAlivePingTimeout = AtLeastASecond(endpoint.Http2KeepAliveTimeout);
        }
        if (endpoint.Address.Scheme == Uri.UriSchemeHttps)
        {
            handler.SslOptions = ClientTls.Create(endpoint.Tls);
            handler.PlaintextStreamFilter = static (context, _) => ValueTask.FromResult<Stream>(
                new FirstAnswerStream(context.PlaintextStream));
        }
        return GrpcChannel.ForAddress(endpoint.Address, new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxReceiveMessageSize = MaxMessageBytes,
            MaxSendMessageSize = MaxMessageBytes,
            MaxRetryAttempts = null,
        });
    }

    public void Dispose()
    {
        foreach (var connection in _connections)
            connection.Dispose();
    }

    /// <summary>
    /// One connection, and whether it was seen to work: only what has been there can go away, and
    /// only once until it is back.
    /// </summary>
    internal sealed class Connection : IDisposable
    {
        private readonly GrpcChannels _owner;
        private readonly GrpcChannel _channel;
        private int _closes;
        private int _isUp;

        public Connection(GrpcChannels owner, GrpcEndpointOptions endpoint)
        {
            _owner = owner;
            _channel = Open(endpoint, OnClosed);
            Invoker = _channel.CreateCallInvoker();
        }

        public CallInvoker Invoker { get; }

        /// <summary>How often it has ended.</summary>
        public int Closes => Volatile.Read(ref _closes);

        /// <summary>The service has answered here.</summary>
        /// <param name="closes"><see cref="Closes"/> before it was asked: should the connection
        /// have ended since, the service was there and has gone.</param>
        public void IsUp(int closes)
        {
            Volatile.Write(ref _isUp, 1);
            if (Closes != closes)
                IsAway();
        }

        /// <summary>A call found the service unavailable, or the connection has ended.</summary>
        public void IsAway()
        {
            if (Interlocked.Exchange(ref _isUp, 0) != 0)
                Interlocked.Increment(ref _owner._absences);
        }

        public void Dispose() => _channel.Dispose();

        private void OnClosed()
        {
            Interlocked.Increment(ref _closes);
            IsAway();
        }
    }

    private static async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, GrpcEndpointOptions endpoint, Action? onClosed,
        CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (endpoint.TcpKeepAlive > TimeSpan.Zero)
            {
                var seconds = (int)AtLeastASecond(endpoint.TcpKeepAlive).TotalSeconds;
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, seconds);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, seconds);
            }
            await socket.ConnectAsync(context.DnsEndPoint, cancellation).ConfigureAwait(false);
            return new QuickAckStream(socket, onClosed);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static TimeSpan AtLeastASecond(TimeSpan span) =>
        span < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : span;
}
