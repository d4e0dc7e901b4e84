using Grpc.Core;
using NativeLink.Actors.LocalCluster;
using NativeLink.Actors.LocalCluster.Scheduling.Workers;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Connection.WorkerApi;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>The scheduler of the local cluster in this process; its address is for the others, who dial it.</summary>
internal sealed record ClusterSchedulerOptions(LocalClusterHost Cluster) : SchedulerEndpointOptions
{
    public override Uri Address { get; } = new($"http://{LocalNode.Dialable(Cluster.WorkerApiAddress)}");

    public override ISchedulerLink CreateLink() => new ClusterSchedulerLink(Cluster);
}

/// <summary>
/// The way to the scheduler of the local cluster in this
/// process: its worker API without a wire in between.
/// </summary>
internal sealed class ClusterSchedulerLink(LocalClusterHost cluster) : ISchedulerLink
{
    public Task<ISchedulerSession> ConnectAsync(
        Registration registration, Action<SchedulerMessage> onMessage, Action<Fault?> onEnd,
        CancellationToken cancellation)
    {
        try
        {
            return Task.FromResult<ISchedulerSession>(
                new Session(cluster.ConnectWorker(WorkerApiTranslator.ToWire(registration)), onMessage, onEnd));
        }
        catch (FormatException error)
        {
            return Task.FromException<ISchedulerSession>(
                new FaultException(
                    FaultKind.Worker, $"the scheduler of this process takes no such worker: {error.Message}", error));
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private sealed class Session : ISchedulerSession
    {
        private readonly LocalWorkerSession _stream;
        private readonly CancellationTokenSource _over = new();
        private readonly WorkerApiTranslator _translator = new();
        private readonly Task _receiving;
        private int _disposed;

        public Session(LocalWorkerSession stream, Action<SchedulerMessage> onMessage, Action<Fault?> onEnd)
        {
            _stream = stream;
            _receiving = ReceiveAsync(onMessage, onEnd);
        }

        /// <summary>
        /// A copy leaves: the worker may still be writing the same result elsewhere while the
        /// scheduler completes its own.
        /// </summary>
        public Task SendAsync(WorkerMessage message, CancellationToken cancellation) =>
            _stream.TrySend(_translator.ToWire(message).Clone())
            ? Task.CompletedTask
            : Task.FromException(new FaultException(FaultKind.Worker, "the scheduler's stream has ended"));

        public async ValueTask DisposeAsync()
        {
            if (Interlocked.Exchange(ref _disposed, 1) != 0)
                return;
            _stream.Dispose();
            await _over.CancelAsync();
            await _receiving;
            _over.Dispose();
        }

        private async Task ReceiveAsync(Action<SchedulerMessage> onMessage, Action<Fault?> onEnd)
        {
            // Nobody hears a word before the session is in the caller's hands.
            await Task.Yield();
            Fault? fault = null;
            try
            {
                await foreach (var update in _stream.ReceiveAsync(_over.Token))
                {
                    if (_translator.FromWire(update) is { } message)
                        onMessage(message);
                }
            }
            catch (Exception error)
            {
                fault = new Fault(
                    FaultKind.Worker,
                    $"the scheduler's stream broke: " +
                    $"{(error is RpcException rpc ? $"{rpc.StatusCode}: {rpc.Status.Detail}" : error.Message)}");
            }
            onEnd(fault);
        }
    }
}
