using System.Threading.Channels;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Scheduling.Queueing;

namespace NativeLink.Actors.LocalCluster.Scheduling.Workers;

/// <summary>
/// One ConnectWorker stream as the scheduler sees it: who
/// registers, and a bounded queue of what is sent to it.
/// </summary>
internal sealed class WorkerLink(string prefix, ulong maxInflight, WorkerProperties properties, TimeProvider time)
{
    /// <summary>Above this many unread messages a worker is given no more work: it does not read.</summary>
    public const int MaxUnreadStarts = 1024;

    private const int MaxUnread = 4 * MaxUnreadStarts;

    private readonly Channel<Wire.UpdateForWorker> _channel = Channel.CreateBounded<Wire.UpdateForWorker>(
        new BoundedChannelOptions(MaxUnread)
        {
            FullMode = BoundedChannelFullMode.Wait,
            SingleReader = true,
            SingleWriter = true,
        });

    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private long _lastKeepAlive = time.GetTimestamp();

    /// <summary>
    /// How long the worker has sent no keep-alive. Whoever reads its stream notes them, from any
    /// thread: they count from their arrival, however much the scheduler has to do.
    /// </summary>
    public TimeSpan Silence => time.GetElapsedTime(Volatile.Read(ref _lastKeepAlive));

    public string Prefix => prefix;

    /// <summary>0 is no limit.</summary>
    public ulong MaxInflight => maxInflight;

    public WorkerProperties Properties => properties;

    /// <summary>Belongs to the scheduler: null before the worker is accepted and after it is gone.</summary>
    public ConnectedWorker? Worker { get; set; }

    public int Unread => _channel.Reader.Count;

    /// <summary>
    /// Completes when the scheduler has closed the link,
    /// whether all that it sent has been read or not.
    /// </summary>
    public Task Closed => _closed.Task;

    /// <summary>
    /// What is sent to the worker; fails with an
    /// <see cref="RpcException"/> if the scheduler refuses it.
    /// </summary>
    public ChannelReader<Wire.UpdateForWorker> Outgoing => _channel.Reader;

    /// <summary>Handles what needs no decision; false when the scheduler has to receive it.</summary>
    public bool TryHandle(Wire.UpdateForScheduler update)
    {
        if (update.UpdateCase != Wire.UpdateForScheduler.UpdateOneofCase.KeepAliveRequest)
            return false;
        Volatile.Write(ref _lastKeepAlive, time.GetTimestamp());
        return true;
    }

    /// <summary>False when the message cannot be delivered.</summary>
    public bool TrySend(Wire.UpdateForWorker update) => _channel.Writer.TryWrite(update);

    public void Close() => End(null);

    public void Refuse(StatusCode code, string detail) => End(new RpcException(new Status(code, detail)));

    private void End(Exception? error)
    {
        _channel.Writer.TryComplete(error);
        _closed.TrySetResult();
    }
}
