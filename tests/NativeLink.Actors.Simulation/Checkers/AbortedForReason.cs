using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>
/// ABORTED is final, and says that the scheduler wanted it so: only the attempt that was killed may
/// answer it, never the one that a later start began.
/// </summary>
internal sealed class AbortedForReason(SimWorld world) : Checker(world)
{
    public override void ResultSent(SimStream stream, SimAttempt? attempt, ExecuteResult result)
    {
        if (attempt is { Killed: null }
            && result.ExecuteResponse?.Status?.Code == (int)Grpc.Core.StatusCode.Aborted)
            World.Violate($"{stream.Id} says of {attempt.Operation} that it was aborted, and it was not killed");
    }
}
