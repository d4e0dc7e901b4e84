using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.LocalCluster.Tests.Scheduling;

namespace NativeLink.Actors.LocalCluster.Tests.Host;

public sealed class LocalClusterHostTests
{
    [Fact]
    public async Task An_address_in_use_is_a_fault_that_names_it()
    {
        await using var first = await RunningCluster.StartAsync();
        using var directory = new TempDirectory();
        var options = RunningCluster.OptionsFor(directory.Path) with { Listen = first.Server.ClientAddress };
        var error = await Assert.ThrowsAsync<FaultException>(
            () => LocalClusterHost.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System));
        Assert.Contains(first.Server.ClientAddress.ToString(), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_path_that_is_a_file_is_a_fault_that_names_it()
    {
        using var directory = new TempDirectory();
        var file = directory.Write("file", "");
        var options = RunningCluster.OptionsFor(file);
        var error = await Assert.ThrowsAsync<FaultException>(
            () => LocalClusterHost.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System));
        Assert.Contains(file, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NL_355_A_plain_http_client_gets_Ok_from_status_and_not_found_elsewhere()
    {
        await using var cluster = await RunningCluster.StartAsync();
        using var client = new HttpClient();
        foreach (var address in new[] { cluster.Server.ClientAddress, cluster.Server.WorkerApiAddress })
        {
            Assert.Equal("Ok", await client.GetStringAsync(new Uri($"http://{address}/status")));
            using var other = await client.GetAsync(new Uri($"http://{address}/other"));
            Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
        }
    }

    [Fact]
    public async Task Clients_and_workers_have_addresses_of_their_own_and_one_may_serve_both()
    {
        await using var cluster = await RunningCluster.StartAsync();
        Assert.NotEqual(cluster.Server.ClientAddress, cluster.Server.WorkerApiAddress);
        Assert.NotEqual(0, cluster.Server.WorkerApiAddress.Port);
        var free = cluster.Server.ClientAddress;
        await cluster.Server.DisposeAsync();
        await using var both = await RunningCluster.StartAsync(
            options => options with { Listen = free, WorkerApiListen = free });
        Assert.Equal((free, free), (both.Server.ClientAddress, both.Server.WorkerApiAddress));
    }

    [Theory]
    [InlineData(new byte[] { 22, 3, 1, 2, 0, 1 })]
    [InlineData(new byte[] { 0 })]
    public async Task Who_speaks_TLS_or_noise_to_a_plain_port_is_hung_up_on_at_once_and_resets_are_no_errors(
        byte[] hello)
    {
        var log = new LogLines();
        using var logs = LoggerFactory.Create(builder => builder.AddProvider(log));
        using var directory = new TempDirectory();
        await using (var server = await LocalClusterHost.StartAsync(
            RunningCluster.OptionsFor(directory.Path), logs, TimeProvider.System))
        {
            using var stranger = await ConnectAsync(server.ClientAddress);
            await stranger.SendAsync(hello);
            Assert.Equal(0, await stranger.ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromSeconds(20)));
            for (var i = 0; i < 5; i++)
            {
                using var scanner = await ConnectAsync(server.ClientAddress);
                if (i > 0)
                    await scanner.SendAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray().AsMemory(0, i * 6));
                scanner.LingerState = new LingerOption(true, 0);
            }
        }

        Assert.DoesNotContain(log.Lines, line => line.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task The_worker_API_is_not_served_to_clients_on_their_own_address()
    {
        await using var cluster = await RunningCluster.StartAsync();
        await using var intruder = ScriptedWorker.Open(cluster.Server.ClientAddress);
        await intruder.RegisterAsync();
        Assert.Equal(StatusCode.Unimplemented, (await intruder.EndedAsync()).StatusCode);
        await using var worker = await ScriptedWorker.ConnectAsync(cluster.Server.WorkerApiAddress);
        Assert.NotEmpty(worker.Id);
    }

    [Fact]
    public async Task Disposing_twice_and_with_calls_under_way_ends_soon()
    {
        var cluster = await RunningCluster.StartAsync();
        using var call = cluster.Bytes.Write();
        await call.RequestStream.WriteAsync(new()
        {
            ResourceName = "uploads/u/blobs/" + Blobs.DigestOf("abc"u8),
            Data = Google.Protobuf.ByteString.CopyFromUtf8("a"),
        });
        await cluster.Server.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));
        await Assert.ThrowsAnyAsync<Exception>(() => call.ResponseAsync.WaitAsync(TimeSpan.FromSeconds(20)));
        await cluster.DisposeAsync();
    }

    private static async Task<Socket> ConnectAsync(IPEndPoint address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address);
        return socket;
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData(0, false)]
    public async Task What_clients_were_told_of_goes_last_and_never_silently(int? minutes, bool isSaid)
    {
        using var directory = new TempDirectory();
        using var lines = new LogLines();
        using var logs = LoggerFactory.Create(builder => builder.AddProvider(lines));
        var options = RunningCluster.OptionsFor(directory.Path);
        options = options with
        {
            Cas = options.Cas with { MaxBytes = 1 << 20 },
            KeepFor = minutes is { } set ? TimeSpan.FromMinutes(set) : options.KeepFor,
        };
        await using (var host = await LocalClusterHost.StartAsync(options, logs, TimeProvider.System))
        {
            for (var i = 0; i < 20; i++)
            {
                var blob = Blobs.Random(100_000, i);
                host.Cas.Put(Blobs.DigestOf(blob), blob);
            }
        }
        Assert.Equal(
            isSaid, lines.Lines.Any(line => line.Level == LogLevel.Warning
                && line.Text.Contains("were evicted that clients were told of", StringComparison.Ordinal)));
    }

    /// <summary>Keeps what was logged, by level.</summary>
    private sealed class LogLines : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<(LogLevel Level, string Text)> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue((logLevel, formatter(state, exception)));

        public void Dispose()
        {
        }
    }
}
