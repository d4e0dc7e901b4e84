using System.Net;
using System.Threading.Channels;
using Grpc.Core;
using Grpc.Net.Client;

namespace NativeLink.Actors.LocalCluster.Tests.Scheduling;

/// <summary>
/// A worker on a real ConnectWorker stream that says only what
/// the test tells it to; it sends no keep-alives by itself.
/// </summary>
public sealed class ScriptedWorker : IAsyncDisposable
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private readonly GrpcChannel _channel;
    private readonly AsyncDuplexStreamingCall<Wire.UpdateForScheduler, Wire.UpdateForWorker> _call;
    private readonly Channel<Wire.UpdateForWorker> _received = Channel.CreateUnbounded<Wire.UpdateForWorker>();
    private readonly Task _reading;

    private ScriptedWorker(IPEndPoint address)
    {
        _channel = GrpcChannel.ForAddress($"http://{address}", new GrpcChannelOptions { MaxReceiveMessageSize = null });
        _call = new Wire.WorkerApi.WorkerApiClient(_channel).ConnectWorker();
        _reading = ReadAsync();
    }

    /// <summary>The scheduler's id for this worker; empty until it has been accepted.</summary>
    public string Id { get; private set; } = "";

    /// <summary>Opens the stream and says nothing.</summary>
    public static ScriptedWorker Open(IPEndPoint address) => new(address);

    /// <summary>Opens the stream, registers and waits for the id.</summary>
    public static async Task<ScriptedWorker> ConnectAsync(
        IPEndPoint address, ulong maxInflight = 0, params string[] properties)
    {
        var worker = new ScriptedWorker(address);
        await worker.RegisterAsync(maxInflight, properties);
        var first = await worker.ReceiveAsync();
        worker.Id = first.ConnectionResult.WorkerId;
        return worker;
    }

    public Task RegisterAsync(ulong maxInflight = 0, params string[] properties)
    {
        var request = new Wire.ConnectWorkerRequest { WorkerIdPrefix = "scripted-", MaxInflightTasks = maxInflight };
        request.Properties.AddRange(Samples.Properties(properties).Properties);
        return SendAsync(new Wire.UpdateForScheduler { ConnectWorkerRequest = request });
    }

    public Task SendAsync(Wire.UpdateForScheduler update) => _call.RequestStream.WriteAsync(update).WaitAsync(Bound);

    public Task AnswerAsync(string operation, Reapi.ExecuteResponse? response = null) =>
        SendAsync(new Wire.UpdateForScheduler
        {
            ExecuteResult = new Wire.ExecuteResult
            {
                OperationId = operation,
                ExecuteResponse = response ?? Samples.FullResponse(),
            },
        });

    /// <summary>The next message, whatever it is.</summary>
    public async Task<Wire.UpdateForWorker> ReceiveAsync() =>
        await _received.Reader.ReadAsync().AsTask().WaitAsync(Bound);

    /// <summary>The next message, which has to be a start_action.</summary>
    public async Task<Wire.StartExecute> ReceiveStartAsync()
    {
        var update = await ReceiveAsync();
        Assert.Equal(Wire.UpdateForWorker.UpdateOneofCase.StartAction, update.UpdateCase);
        return update.StartAction;
    }

    /// <summary>Ends our half of the stream.</summary>
    public Task LeaveAsync() => _call.RequestStream.CompleteAsync().WaitAsync(Bound);

    /// <summary>Breaks the stream off.</summary>
    public void Break() => _call.Dispose();

    /// <summary>How the scheduler ended the stream.</summary>
    public async Task<Status> EndedAsync()
    {
        await _reading.WaitAsync(Bound);
        return _call.GetStatus();
    }

    public async ValueTask DisposeAsync()
    {
        _call.Dispose();
        await _reading.WaitAsync(Bound);
        _channel.Dispose();
    }

    private async Task ReadAsync()
    {
        try
        {
            await foreach (var update in _call.ResponseStream.ReadAllAsync())
                _received.Writer.TryWrite(update);
            _received.Writer.TryComplete();
        }
        catch (Exception error) when (error is RpcException or ObjectDisposedException)
        {
            _received.Writer.TryComplete(error);
        }
    }
}
