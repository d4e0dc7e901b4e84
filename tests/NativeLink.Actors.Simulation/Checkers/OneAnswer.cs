using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>
/// A worker gives one result for what it owes, on the stream that asked for it, and none that nobody asked for there.
/// </summary>
internal sealed class OneAnswer(SimWorld world) : Checker(world)
{
    public override void ResultSent(SimStream stream, SimAttempt? attempt, ExecuteResult result)
    {
        if (attempt is null)
            World.Violate($"{stream.Id} has a result of {result.OperationId}, which it was never given");
        else if (attempt.Answered)
            World.Violate($"{stream.Id} has a second result of {result.OperationId}");
    }
}
