using System.Runtime.CompilerServices;
using Grpc.Core;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>
/// The conversation of <c>ConnectWorker</c> (wire contract section 3) for a worker in this process, without a wire in between: the same messages in the same
/// order. Whoever opened it ends it by disposing it.
/// </summary>
public sealed class LocalWorkerSession : IDisposable
{
    private readonly LocalScheduler _scheduler;
    private readonly WorkerLink _link;

    internal LocalWorkerSession(LocalScheduler scheduler, Wire.ConnectWorkerRequest hello)
    {
        (_scheduler, _link) = (scheduler, scheduler.Greet(hello));
        scheduler.Tell(new Register(_link));
    }

    /// <summary>What the scheduler says until its last word; nobody may change these messages.</summary>
    /// <exception cref="RpcException">The scheduler refuses the worker.</exception>
    public async IAsyncEnumerable<Wire.UpdateForWorker> HearAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var update in _link.Said.ReadAllAsync(cancellation))
            yield return update;
    }

    /// <summary>Says something to the scheduler, whose message it is from then on. False when the scheduler has said its last word.</summary>
    public bool Say(Wire.UpdateForScheduler update)
    {
        if (_link.LastWordSaid.IsCompleted)
            return false;
        if (!_link.TakesItself(update))
            _scheduler.Tell(new Hear(_link, update));
        return true;
    }

    public void Dispose() => _scheduler.Tell(new LoseWorker(_link, "its stream ended"));
}
