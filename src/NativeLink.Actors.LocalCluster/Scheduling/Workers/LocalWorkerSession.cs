using System.Runtime.CompilerServices;
using Grpc.Core;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;

namespace NativeLink.Actors.LocalCluster.Scheduling.Workers;

/// <summary>
/// The conversation of <c>ConnectWorker</c> (protos/README.md 3) for a
/// worker in this process, without a wire in between: the same messages
/// in the same order. Whoever opened it ends it by disposing it.
/// </summary>
internal sealed class LocalWorkerSession : IDisposable
{
    private readonly LocalScheduler _scheduler;
    private readonly WorkerLink _link;

    internal LocalWorkerSession(LocalScheduler scheduler, Wire.ConnectWorkerRequest registration)
    {
        (_scheduler, _link) = (scheduler, scheduler.CreateLink(registration));
        scheduler.Tell(new Register(_link));
    }

    /// <summary>What the scheduler sends until it closes the session; nobody may change these messages.</summary>
    /// <exception cref="RpcException">The scheduler refuses the worker.</exception>
    public async IAsyncEnumerable<Wire.UpdateForWorker> ReceiveAsync(
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var update in _link.Outgoing.ReadAllAsync(cancellation))
            yield return update;
    }

    /// <summary>
    /// Sends a message to the scheduler, which owns it from then
    /// on. False when the scheduler has closed the session.
    /// </summary>
    public bool TrySend(Wire.UpdateForScheduler update)
    {
        if (_link.Closed.IsCompleted)
            return false;
        if (!_link.TryHandle(update))
            _scheduler.Tell(new UpdateReceived(_link, update));
        return true;
    }

    public void Dispose() => _scheduler.Tell(new WorkerDisconnected(_link, "its stream ended"));
}
