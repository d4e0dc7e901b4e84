using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>
/// No process outlives its action, but for the bound that its end has; and no worker runs more than it has slots.
/// </summary>
internal sealed class ProcessesEnd(SimWorld world) : Checker(world)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);

    public override void ResultSent(SimStream stream, SimAttempt? attempt, ExecuteResult result)
    {
        if (attempt is null)
            return;
        foreach (var run in stream.Host.Launcher.Alive
            .Where(run => run.Operation == attempt.Operation && run.Worker == stream.Worker
                && run.Began >= attempt.Heard))
        {
            if (run.Aborted is null && run.Ended is null)
                Later(TimeSpan.FromSeconds(1), run, static run => run.Aborted is null && run.Ended is null);
            Later(Bound, run, static run => run.Ended is null);
        }
    }

    public override void StreamLeft(SimStream stream) => Lost(stream);

    public override void StreamEnded(SimStream stream)
    {
        if (!stream.IsLeft)
            Lost(stream);
    }

    /// <summary>All that ran for a stream is ended with it (protos/README.md 3.11).</summary>
    private void Lost(SimStream stream)
    {
        foreach (var run in stream.Host.Launcher.Alive.Where(run => run.Worker == stream.Worker))
        {
            Later(TimeSpan.FromSeconds(1), run, static run => run.Aborted is null && run.Ended is null);
            Later(Bound, run, static run => run.Ended is null);
        }
    }

    public override void RunBegan(SimRun run)
    {
        var running = run.Host.Launcher.Alive.Count(other => other.Worker == run.Worker && other.Aborted is null);
        if (running > run.Host.SlotsOf(run.Worker))
            World.Violate($"{running} processes run for {run.Worker}, which has {run.Host.SlotsOf(run.Worker)} slots");
    }

    public override void Drained(SimHost host)
    {
        foreach (var run in host.Launcher.Alive)
            World.Violate($"{run.Says} of {run.Operation} still runs");
    }

    private void Later(TimeSpan delay, SimRun run, Predicate<SimRun> wrong) => World.Time.After(delay, () =>
    {
        if (wrong(run))
            World.Violate(
                $"{run.Says} of {run.Operation} still runs {delay.TotalSeconds} s after its answer, or its stream");
    });
}
