using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Connection;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Simulation.Ports;

/// <summary>The way of one worker to the scheduler.</summary>
internal sealed class SimLink(SimWorld world, ISimScheduler scheduler, SimHost host, string worker, int slots)
    : ISchedulerLink
{
    public async Task<ISchedulerSession> ConnectAsync(
        Registration registration, Action<SchedulerMessage> onMessage, Action<Fault?> onEnd,
        CancellationToken cancellation)
    {
        world.Trace.Add($"link connect {worker}");
        // Not back to the task scheduler of whoever called: PipeTo, which waits for this, would go on in the thread
        // pool from there.
        await world.DelayAsync(1, world.Strike(SimFault.ConnectHangs, worker) ? 20_000 : 10, cancellation)
            .ConfigureAwait(false);
        if (world.Strike(SimFault.ConnectRefused, worker))
            throw new FaultException(FaultKind.Worker, "connection refused");
        var stream = new SimStream(world, scheduler, host, worker, slots, registration, onMessage, onEnd);
        scheduler.Opened(stream);
        return stream;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
