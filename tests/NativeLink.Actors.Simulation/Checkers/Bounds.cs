using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>
/// A kill is answered within 5 s; what a worker was given is answered within the sum of its stages' bounds, or its
/// stream ends.
/// </summary>
internal sealed class Bounds(SimWorld world) : Checker(world)
{
    private static readonly TimeSpan KillBound = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(15);

    public override void StartHeard(SimStream stream, SimAttempt attempt)
    {
        if (attempt.Heard == World.Now)
            Later(Bound, stream, attempt, "its start");
    }

    public override void KillHeard(SimStream stream, SimAttempt attempt) =>
        Later(KillBound, stream, attempt, "its kill");

    // A start after the kill begins another attempt, which has the one answer.
    private void Later(TimeSpan bound, SimStream stream, SimAttempt attempt, string what) =>
        World.Time.After(bound, () =>
        {
            if (!attempt.Answered && stream.IsOpen && stream.IsLatest(attempt))
                World.Violate($"{attempt.Operation} has no answer {bound.TotalSeconds} s after {what} on {stream.Id}");
        });
}
