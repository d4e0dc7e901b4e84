using System.Threading.Channels;
using Google.LongRunning;
using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>
/// What one client stream hears of an operation: the scheduler writes, the stream reads. A slow reader loses the oldest stages, never the last.
/// </summary>
internal sealed class OperationFeed
{
    private const int MaxUnread = 32;

    private readonly Channel<Operation> _channel = Channel.CreateBounded<Operation>(
        new BoundedChannelOptions(MaxUnread) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true, SingleWriter = true });

    private volatile bool _isGone;

    /// <summary>Nobody reads any more; known before the scheduler comes to hear of it.</summary>
    public bool IsGone => _isGone;

    /// <summary>Belongs to the scheduler.</summary>
    public ClientTicket? Ticket { get; set; }

    /// <summary>How the operation goes on; fails with an <see cref="RpcException"/> if the scheduler refuses the call.</summary>
    public ChannelReader<Operation> Heard => _channel.Reader;

    /// <summary>The reader's last word, from its own thread.</summary>
    public void Leave() => _isGone = true;

    public void Push(Operation operation) => _channel.Writer.TryWrite(operation);

    public void Complete() => _channel.Writer.TryComplete();

    public void Fail(StatusCode code, string detail) => _channel.Writer.TryComplete(new RpcException(new Status(code, detail)));
}
