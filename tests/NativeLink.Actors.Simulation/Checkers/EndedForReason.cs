using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>
/// A process is only ended where somebody asked for it: its operation was killed, its stream ended, its time was up, or
/// something of its host failed.
/// </summary>
internal sealed class EndedForReason(SimWorld world) : Checker(world)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Aftermath = TimeSpan.FromSeconds(1);

    private readonly Dictionary<(string Worker, string Operation), (SimStream Stream, SimAttempt Attempt)> _heard = [];
    private readonly Dictionary<SimHost, DateTimeOffset> _failed = [];

    public override void StartHeard(SimStream stream, SimAttempt attempt) =>
        _heard[(stream.Worker, attempt.Operation)] = (stream, attempt);

    public override void Failed(SimHost host) => _failed[host] = World.Now;

    public override void RunEnded(SimRun run)
    {
        if (run.Aborted is not { } aborted || aborted - run.Began >= Timeout
            || aborted - _failed.GetValueOrDefault(run.Host) < Aftermath)
            return;
        var (stream, attempt) = _heard[(run.Worker, run.Operation)];
        if (attempt.Killed is null && stream.IsOpen && !stream.IsLeft && run.Began >= attempt.Heard)
            World.Violate($"{run.Says} of {run.Operation} on {run.Worker} was ended, and nobody asked for it");
    }
}
