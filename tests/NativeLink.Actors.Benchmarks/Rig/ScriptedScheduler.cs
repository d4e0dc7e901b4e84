using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Threading.Channels;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>A scheduler that accepts workers and gives an action to the one that is named, at once.</summary>
internal sealed class ScriptedScheduler : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly WebApplication _app;
    private readonly Service _service;

    private ScriptedScheduler(WebApplication app) => (_app, _service) = (app, app.Services.GetRequiredService<Service>());

    /// <summary><c>host:port</c>.</summary>
    public string Address => new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Authority;

    /// <param name="noDelay">TCP_NODELAY on the sockets of workers.</param>
    public static async Task<ScriptedScheduler> StartAsync(bool noDelay = true)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.NoDelay = noDelay);
        builder.Services.AddGrpc();
        builder.Services.AddSingleton<Service>();
        var app = builder.Build();
        app.MapGrpcService<Service>();
        await app.StartAsync();
        return new ScriptedScheduler(app);
    }

    /// <summary>The next worker that says hello.</summary>
    public async Task<Session> NextAsync()
    {
        Session session;
        do
            session = await _service.Sessions.Reader.ReadAsync().AsTask().WaitAsync(Patience);
        while (session.HasEnded);
        return session;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    /// <summary>One worker's stream.</summary>
    internal sealed class Session
    {
        private readonly ConcurrentDictionary<string, TaskCompletionSource<(long At, Wire.ExecuteResult Result)>> _running = new();
        private int _next;
        private volatile bool _ended;

        /// <summary>Whether the worker has gone away.</summary>
        internal bool HasEnded => _ended;

        internal Channel<Wire.UpdateForWorker> Outgoing { get; } = Channel.CreateUnbounded<Wire.UpdateForWorker>();

        /// <summary>Gives an action to the worker; the time until its answer and the answer, which has to be of exit code 0.</summary>
        public async Task<(TimeSpan Took, Reapi.ActionResult Result)> RunAsync(Digest action)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"bench-{Interlocked.Increment(ref _next)}");
            var answer = _running[id] = new(TaskCreationOptions.RunContinuationsAsynchronously);
            var update = new Wire.UpdateForWorker
            {
                StartAction = new Wire.StartExecute
                {
                    OperationId = id,
                    WorkerId = "bench",
                    QueuedTimestamp = Timestamp.FromDateTime(DateTime.UtcNow),
                    ExecuteRequest = new Reapi.ExecuteRequest { ActionDigest = action.ToWire(), DigestFunction = Reapi.DigestFunction.Types.Value.Sha256 },
                },
            };
            var began = Stopwatch.GetTimestamp();
            if (!Outgoing.Writer.TryWrite(update))
                throw new InvalidOperationException("the worker has gone away");
            var (at, result) = await answer.Task.WaitAsync(Patience);
            if (result.ExecuteResponse is not { } response || response.Status is { Code: not 0 } || response.Result.ExitCode != 0)
                throw new InvalidOperationException($"an action failed: {result}");
            return (Stopwatch.GetElapsedTime(began, at), response.Result);
        }

        internal void Answered(Wire.ExecuteResult result)
        {
            if (_running.TryRemove(result.OperationId, out var waiting))
                waiting.TrySetResult((Stopwatch.GetTimestamp(), result));
        }

        /// <summary>The worker has gone away: nobody answers what it still had.</summary>
        internal void End()
        {
            _ended = true;
            Outgoing.Writer.TryComplete();
            foreach (var waiting in _running.Values)
                waiting.TrySetException(new InvalidOperationException("the worker went away before it answered"));
        }
    }

    internal sealed class Service : Wire.WorkerApi.WorkerApiBase
    {
        public Channel<Session> Sessions { get; } = Channel.CreateUnbounded<Session>();

        public override async Task ConnectWorker(
            IAsyncStreamReader<Wire.UpdateForScheduler> requestStream, IServerStreamWriter<Wire.UpdateForWorker> responseStream, ServerCallContext context)
        {
            var session = new Session();
            var sending = SendAsync(session, responseStream, context.CancellationToken);
            try
            {
                while (await requestStream.MoveNext(context.CancellationToken))
                    OnUpdate(session, requestStream.Current);
            }
            finally
            {
                session.End();
            }
            await sending;
        }

        private void OnUpdate(Session session, Wire.UpdateForScheduler update)
        {
            switch (update.UpdateCase)
            {
                case Wire.UpdateForScheduler.UpdateOneofCase.ConnectWorkerRequest:
                    session.Outgoing.Writer.TryWrite(new Wire.UpdateForWorker { ConnectionResult = new Wire.ConnectionResult { WorkerId = "bench" } });
                    Sessions.Writer.TryWrite(session);
                    break;
                case Wire.UpdateForScheduler.UpdateOneofCase.ExecuteResult:
                    session.Answered(update.ExecuteResult);
                    break;
            }
        }

        private static async Task SendAsync(Session session, IServerStreamWriter<Wire.UpdateForWorker> stream, CancellationToken ending)
        {
            try
            {
                await foreach (var update in session.Outgoing.Reader.ReadAllAsync(ending))
                    await stream.WriteAsync(update, ending);
            }
            catch (OperationCanceledException)
            {
                // The worker went away.
            }
        }
    }
}
