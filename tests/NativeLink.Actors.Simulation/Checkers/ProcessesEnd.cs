using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>
/// No process outlives its action, but for the bound that its end has; and no host runs more than it has slots.
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

    public override void RunBegan(SimRun run)
    {
        var running = run.Host.Launcher.Alive.Count(static other => other.Aborted is null);
        if (running > run.Host.Slots)
            World.Violate($"{running} processes run on {run.Host.Name}, which has {run.Host.Slots} slots");
    }

    public override void AtEnd(SimulationRun simulation)
    {
        foreach (var run in simulation.Hosts.SelectMany(static host => host.Launcher.Alive))
            World.Violate($"{run.Says} of {run.Operation} still runs");
    }

    private void Later(TimeSpan delay, SimRun run, Predicate<SimRun> wrong) => World.Time.After(delay, () =>
    {
        if (wrong(run))
            World.Violate($"{run.Says} of {run.Operation} still runs {delay.TotalSeconds} s after its answer");
    });
}
