using System.Threading.Channels;
using Google.LongRunning;
using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Scheduling.Clients;

/// <summary>
/// The updates of an operation for one client stream: the scheduler writes, the stream reads. A
/// slow reader loses the oldest stages, never the last.
/// </summary>
internal sealed class OperationStream
{
    private const int MaxUnread = 32;

    private readonly Channel<Operation> _channel = Channel.CreateBounded<Operation>(
        new BoundedChannelOptions(MaxUnread)
        {
            FullMode = BoundedChannelFullMode.DropOldest,
            SingleReader = true,
            SingleWriter = true,
        });

    private volatile bool _isAbandoned;

    /// <summary>Nobody reads any more; known before the scheduler receives that its subscriber is gone.</summary>
    public bool IsAbandoned => _isAbandoned;

    /// <summary>Belongs to the scheduler.</summary>
    public Waiter? Waiter { get; set; }

    /// <summary>
    /// How the operation goes on; fails with an
    /// <see cref="RpcException"/> if the scheduler refuses the call.
    /// </summary>
    public ChannelReader<Operation> Updates => _channel.Reader;

    /// <summary>Called by the reader when it ends, from its own thread.</summary>
    public void Abandon() => _isAbandoned = true;

    public void Push(Operation operation) => _channel.Writer.TryWrite(operation);

    public void Complete() => _channel.Writer.TryComplete();

    public void Fail(StatusCode code, string detail) =>
        _channel.Writer.TryComplete(new RpcException(new Status(code, detail)));
}
