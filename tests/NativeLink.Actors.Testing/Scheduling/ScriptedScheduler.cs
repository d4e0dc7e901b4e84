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
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Testing.Security;

namespace NativeLink.Actors.Testing.Scheduling;

/// <summary>
/// A scheduler's side of ConnectWorker, on a real port of 127.0.0.1, that says what a test wants, messages that cannot be decoded too, and counts
/// the answers. Each connection gets a new worker id; what is said goes to the newest one. The frames are written by hand (gRPC over HTTP/2,
/// "length-prefixed message"), because generated services send nothing that is malformed.
/// </summary>
public sealed class ScriptedScheduler : IAsyncDisposable
{
    private const string Path = "/com.github.trace_machina.nativelink.remote_execution.WorkerApi/ConnectWorker";

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, TaskCompletionSource<Wire.ExecuteResult>> _asked = new();
    private readonly Lock _gate = new();
    private Channel<byte[]>? _stream;
    private TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _connections;

    private ScriptedScheduler(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.First());

    /// <summary>How many streams have been opened so far.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Results for operations that nobody asked for, or that were answered before: there must be none.</summary>
    public ConcurrentQueue<Wire.ExecuteResult> Unasked { get; } = new();

    /// <summary>Results for operations whose start message was no good, by what they call themselves; at most one each.</summary>
    public ConcurrentDictionary<string, int> Tolerated { get; } = new();

    /// <param name="certificate">Serves TLS with it.</param>
    /// <param name="clientAuthority">Asks workers for a certificate that this one has signed.</param>
    public static async Task<ScriptedScheduler> StartAsync(X509Certificate2? certificate = null, X509Certificate2? clientAuthority = null)
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
        var app = builder.Build();
        var scheduler = new ScriptedScheduler(app);
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

    /// <summary>Sends a start message and completes with its answer, faulted when the stream ends before.</summary>
    public Task<Wire.ExecuteResult> ExecuteAsync(Wire.StartExecute start)
    {
        var answer = new TaskCompletionSource<Wire.ExecuteResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_asked.TryAdd(start.OperationId, answer))
            throw new InvalidOperationException($"operation {start.OperationId} was started before");
        Say(new Wire.UpdateForWorker { StartAction = start }.ToByteArray());
        return answer.Task;
    }

    /// <summary>Sends bytes as a message, whatever they are; without a stream they are lost.</summary>
    public void Say(byte[] message)
    {
        lock (_gate)
            _stream?.Writer.TryWrite(message);
    }

    public void Say(Wire.UpdateForWorker message) => Say(message.ToByteArray());

    public async ValueTask DisposeAsync()
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _app.StopAsync(soon.Token);
        await _app.DisposeAsync();
    }

    private async Task ConnectAsync(HttpContext call)
    {
        call.Features.Get<IHttpMinRequestBodyDataRateFeature>()!.MinDataRate = null;
        call.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = null;
        call.Response.ContentType = "application/grpc";
        var stream = Channel.CreateUnbounded<byte[]>();
        Task saying = Task.CompletedTask;
        try
        {
            while (await ReadAsync(call.Request.BodyReader) is { } message)
            {
                if (message.ConnectWorkerRequest is not null)
                    saying = Greet(stream, call);
                else if (message.ExecuteResult is { } result)
                    Take(result);
                else if (message.GoingAwayRequest is not null)
                    break;
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException)
        {
            // The worker went; below is what follows from it.
        }
        Leave(stream);
        await saying.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (call.Response.SupportsTrailers())
            call.Response.AppendTrailer("grpc-status", "0");
    }

    private Task Greet(Channel<byte[]> stream, HttpContext call)
    {
        var id = $"scripted-{Interlocked.Increment(ref _connections)}";
        stream.Writer.TryWrite(new Wire.UpdateForWorker { ConnectionResult = new Wire.ConnectionResult { WorkerId = id } }.ToByteArray());
        lock (_gate)
        {
            _stream?.Writer.TryComplete();
            _stream = stream;
            _connected.TrySetResult();
        }
        return SayAllAsync(stream.Reader, call);
    }

    private void Leave(Channel<byte[]> stream)
    {
        stream.Writer.TryComplete();
        lock (_gate)
        {
            if (_stream != stream)
                return;
            (_stream, _connected) = (null, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }
        foreach (var answer in _asked.Values)
            answer.TrySetException(new IOException("the worker's stream ended before it answered"));
    }

    private void Take(Wire.ExecuteResult result)
    {
        if (_asked.TryGetValue(result.OperationId, out var answer) && answer.TrySetResult(result))
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
