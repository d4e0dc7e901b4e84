using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Testing.Security;

namespace NativeLink.Actors.Testing.Scheduling;

/// <summary>
/// A scheduler's side of ConnectWorker, on a real port of 127.0.0.1, that says what a test or a
/// measurement wants, messages that cannot be decoded too, and counts the answers. Each connection
/// gets a new worker id and is a <see cref="ScriptedWorker"/>; what is said here goes to the newest
/// one. The frames are written by hand (gRPC over HTTP/2, "length-prefixed message"), because
/// generated services send nothing that is malformed.
/// </summary>
public sealed class ScriptedScheduler : IAsyncDisposable
{
    private const string Path = "/com.github.trace_machina.nativelink.remote_execution.WorkerApi/ConnectWorker";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan HearPatience = TimeSpan.FromSeconds(30);

    private readonly WebApplication _app;
    private readonly Channel<ScriptedWorker> _arrived = Channel.CreateUnbounded<ScriptedWorker>();
    private readonly Channel<Wire.UpdateForScheduler>? _heard;
    private readonly Lock _gate = new();
    private ScriptedWorker? _newest;
    private TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _connections;

    private ScriptedScheduler(WebApplication app, bool listens) =>
        (_app, _heard) = (app, listens ? Channel.CreateUnbounded<Wire.UpdateForScheduler>() : null);

    public Uri Address => new(_app.Urls.First());

    /// <summary>How many streams have been opened so far.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>
    /// Results for operations that nobody asked for, or
    /// that were answered before: there must be none.
    /// </summary>
    public ConcurrentQueue<Wire.ExecuteResult> Unasked { get; } = new();

    /// <summary>
    /// Results for operations whose start message was no
    /// good, by what they call themselves; at most one each.
    /// </summary>
    public ConcurrentDictionary<string, int> Tolerated { get; } = new();

    /// <param name="certificate">Serves TLS with it.</param>
    /// <param name="clientAuthority">Asks workers for a certificate that this one has signed.</param>
    /// <param name="noDelay">TCP_NODELAY on the sockets of workers.</param>
    /// <param name="listens">Keeps every message for <see cref="HearAsync"/>.</param>
    public static async Task<ScriptedScheduler> StartAsync(
        X509Certificate2? certificate = null, X509Certificate2? clientAuthority = null, bool noDelay = true,
        bool listens = false)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            if (certificate is not null)
                listen.UseHttps(certificate, https => Certificates.RequireClients(https, clientAuthority));
        }));
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.NoDelay = noDelay);
        var app = builder.Build();
        var scheduler = new ScriptedScheduler(app, listens);
        app.MapPost(Path, scheduler.ConnectAsync);
        await app.StartAsync();
        return scheduler;
    }

    /// <summary>Completes when a worker is connected.</summary>
    public Task Connected
    {
        get
        {
            lock (_gate)
                return _connected.Task;
        }
    }

    /// <summary>The next worker that says hello and has not gone since.</summary>
    public async Task<ScriptedWorker> NextAsync()
    {
        ScriptedWorker worker;
        do
            worker = await _arrived.Reader.ReadAsync().AsTask().WaitAsync(Patience);
        while (worker.HasEnded);
        return worker;
    }

    /// <summary>
    /// The next message of any worker, in their order,
    /// without hellos and keep-alives; where it listens.
    /// </summary>
    public async Task<Wire.UpdateForScheduler> HearAsync() =>
        await _heard!.Reader.ReadAsync().AsTask().WaitAsync(HearPatience);

    /// <summary>Sends a start message and completes with its answer, faulted when the stream ends before.</summary>
    public async Task<Wire.ExecuteResult> ExecuteAsync(Wire.StartExecute start)
    {
        var worker = Newest ?? throw new IOException("no worker is connected");
        return (await worker.ExecuteAsync(start)).Result;
    }

    /// <summary>Sends bytes as a message, whatever they are; without a stream they are lost.</summary>
    public void Say(byte[] message) => Newest?.Say(message);

    public void Say(Wire.UpdateForWorker message) => Say(message.ToByteArray());

    public async ValueTask DisposeAsync()
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _app.StopAsync(soon.Token);
        await _app.DisposeAsync();
    }

    private ScriptedWorker? Newest
    {
        get
        {
            lock (_gate)
                return _newest;
        }
    }

    private async Task ConnectAsync(HttpContext call)
    {
        call.Features.Get<IHttpMinRequestBodyDataRateFeature>()!.MinDataRate = null;
        call.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = null;
        call.Response.ContentType = "application/grpc";
        ScriptedWorker? worker = null;
        Task saying = Task.CompletedTask;
        try
        {
            while (await ReadAsync(call.Request.BodyReader) is { } message)
            {
                if (message.ConnectWorkerRequest is { } hello)
                {
                    saying = Greet(worker = new ScriptedWorker(hello), call);
                    continue;
                }
                if (message.KeepAliveRequest is null)
                    _heard?.Writer.TryWrite(message);
                else
                    worker?.KeptAlive?.Invoke();
                if (worker is not null && message.ExecuteResult is { } result)
                    Take(worker, result);
                else if (message.GoingAwayRequest is not null)
                    break;
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException)
        {
            // The worker went; below is what follows from it.
        }
        if (worker is not null)
            Leave(worker);
        await saying.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (call.Response.SupportsTrailers())
            call.Response.AppendTrailer("grpc-status", "0");
    }

    private Task Greet(ScriptedWorker worker, HttpContext call)
    {
        var id = $"scripted-{Interlocked.Increment(ref _connections)}";
        worker.Say(new Wire.UpdateForWorker { ConnectionResult = new Wire.ConnectionResult { WorkerId = id } });
        lock (_gate)
        {
            _newest = worker;
            _connected.TrySetResult();
        }
        _arrived.Writer.TryWrite(worker);
        return SayAllAsync(worker.Unsaid, call);
    }

    private void Leave(ScriptedWorker worker)
    {
        lock (_gate)
        {
            if (_newest == worker)
                (_newest, _connected) = (null, new TaskCompletionSource(
                    TaskCreationOptions.RunContinuationsAsynchronously));
        }
        worker.End();
    }

    private void Take(ScriptedWorker worker, Wire.ExecuteResult result)
    {
        if (worker.TryAnswer(result))
            return;
        if (!Tolerated.TryGetValue(result.OperationId, out var left) || left == 0)
            Unasked.Enqueue(result);
        else
            Tolerated[result.OperationId] = left - 1;
    }

    private static async Task SayAllAsync(ChannelReader<byte[]> messages, HttpContext call)
    {
        var prefix = new byte[5];
        await foreach (var message in messages.ReadAllAsync(call.RequestAborted))
        {
            BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), message.Length);
            await call.Response.Body.WriteAsync(prefix, call.RequestAborted);
            await call.Response.Body.WriteAsync(message, call.RequestAborted);
            await call.Response.Body.FlushAsync(call.RequestAborted);
        }
    }

    private static async Task<Wire.UpdateForScheduler?> ReadAsync(PipeReader body)
    {
        var head = await body.ReadAtLeastAsync(5);
        if (head.Buffer.Length < 5)
            return null;
        var prefix = new byte[5];
        new System.Buffers.SequenceReader<byte>(head.Buffer).TryCopyTo(prefix);
        body.AdvanceTo(head.Buffer.GetPosition(5));
        var length = BinaryPrimitives.ReadInt32BigEndian(prefix.AsSpan(1));
        if (length == 0)
            return new Wire.UpdateForScheduler();
        var content = await body.ReadAtLeastAsync(length);
        var slice = content.Buffer.Slice(0, length);
        var message = Wire.UpdateForScheduler.Parser.ParseFrom(slice);
        body.AdvanceTo(slice.End);
        return message;
    }
}
