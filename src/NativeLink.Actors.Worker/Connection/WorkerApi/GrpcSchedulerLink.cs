using System.Threading.Channels;
using Grpc.Core;
using Grpc.Net.Client;
using NativeLink.Actors.Cas.Channels;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Worker.Connection.WorkerApi;

/// <summary>
/// The way to a scheduler by gRPC: NativeLink's <c>WorkerApi.ConnectWorker</c> (protos/README.md
/// 3). One transport connection a stream.
/// </summary>
/// <param name="endpoint">Where the scheduler listens for workers.</param>
/// <param name="channels">Makes the channel, with its TLS and socket options.</param>
internal sealed class GrpcSchedulerLink(
    GrpcEndpointOptions endpoint, Func<GrpcEndpointOptions, GrpcChannel> channels) : ISchedulerLink
{
    public async Task<ISchedulerSession> ConnectAsync(
        Registration registration, Action<SchedulerMessage> onMessage, Action<Fault?> onEnd,
        CancellationToken cancellation)
    {
        var channel = channels(endpoint);
        // The token bounds the connecting alone, the call lives on.
        var call = new Wire.WorkerApi.WorkerApiClient(channel).ConnectWorker(cancellationToken: CancellationToken.None);
        try
        {
            // The scheduler answers, headers included, only after it has read this: waiting for
            // them first would never end.
            await call.RequestStream.WriteAsync(new Wire.UpdateForScheduler
            {
                ConnectWorkerRequest = WorkerApiTranslator.ToWire(registration),
            }, cancellation).WaitAsync(cancellation);
            return new GrpcSession(endpoint, channel, call, onMessage, onEnd);
        }
        catch (Exception error)
        {
            call.Dispose();
            channel.Dispose();
            throw new FaultException(FaultKind.Worker,
                $"the scheduler at {endpoint.Address} cannot be reached: {Reason(endpoint, error)}", error);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static string Reason(GrpcEndpointOptions endpoint, Exception error) => error switch
    {
        OperationCanceledException => "no connection within the time allowed",
        RpcException rpc => $"{rpc.StatusCode}: {ConnectProblem.Explain(rpc, [endpoint])}",
        _ => error.Message,
    };

    private sealed class GrpcSession : ISchedulerSession
    {
        private static readonly TimeSpan FlushTimeout = TimeSpan.FromSeconds(5);
        private static readonly TimeSpan GoodbyeTimeout = TimeSpan.FromSeconds(1);

        private readonly GrpcEndpointOptions _endpoint;
        private readonly GrpcChannel _channel;
        private readonly AsyncDuplexStreamingCall<Wire.UpdateForScheduler, Wire.UpdateForWorker> _call;
        private readonly Channel<(Wire.UpdateForScheduler Message, TaskCompletionSource Sent)> _outbox =
            Channel.CreateBounded<(Wire.UpdateForScheduler, TaskCompletionSource)>(new BoundedChannelOptions(1024)
            {
                SingleReader = true,
            });

        private readonly WorkerApiTranslator _translator = new();
        private readonly Task _reading;
        private readonly Task _writing;

        public GrpcSession(
            GrpcEndpointOptions endpoint, GrpcChannel channel,
            AsyncDuplexStreamingCall<Wire.UpdateForScheduler, Wire.UpdateForWorker> call,
            Action<SchedulerMessage> onMessage, Action<Fault?> onEnd)
        {
            (_endpoint, _channel, _call) = (endpoint, channel, call);
            _writing = WriteAsync();
            _reading = ReadAsync(onMessage, onEnd);
        }

        public async Task SendAsync(WorkerMessage message, CancellationToken cancellation)
        {
            var sent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            try
            {
                await _outbox.Writer.WriteAsync((_translator.ToWire(message), sent), cancellation);
            }
            catch (ChannelClosedException error)
            {
                throw Ended(error);
            }
            await sent.Task.WaitAsync(cancellation);
        }

        public async ValueTask DisposeAsync()
        {
            _outbox.Writer.TryComplete();
            try
            {
                await _writing.WaitAsync(FlushTimeout);
                // The peer reads our last words before it ends the stream;
                // cancelling the call at once could overtake them.
                await _reading.WaitAsync(GoodbyeTimeout);
            }
            catch (TimeoutException)
            {
                // The peer does not read, or does not end the stream: what is left is dropped with the call.
            }
            _call.Dispose();
            await _reading;
            _channel.Dispose();
        }

        private async Task WriteAsync()
        {
            Exception? broken = null;
            await foreach (var (message, sent) in _outbox.Reader.ReadAllAsync())
            {
                try
                {
                    if (broken is null)
                        await _call.RequestStream.WriteAsync(message);
                }
                catch (Exception error)
                {
                    broken = error;
                    _outbox.Writer.TryComplete();
                }
                if (broken is null)
                    sent.SetResult();
                else
                    sent.SetException(Ended(broken));
            }
            try
            {
                if (broken is null)
                    await _call.RequestStream.CompleteAsync();
            }
            catch (Exception error) when (error is RpcException or InvalidOperationException or IOException
                or OperationCanceledException)
            {
                // The stream had ended already.
            }
        }

        private async Task ReadAsync(Action<SchedulerMessage> onMessage, Action<Fault?> onEnd)
        {
            Fault? fault = null;
            try
            {
                await foreach (var update in _call.ResponseStream.ReadAllAsync())
                {
                    if (_translator.FromWire(update) is { } message)
                        onMessage(message);
                }
            }
            catch (Exception error)
            {
                fault = new Fault(FaultKind.Worker, $"the scheduler's stream broke: {Reason(_endpoint, error)}");
            }
            _outbox.Writer.TryComplete();
            onEnd(fault);
        }

        private FaultException Ended(Exception error) =>
            new(FaultKind.Worker, $"the scheduler's stream has ended: {Reason(_endpoint, error)}", error);
    }
}
