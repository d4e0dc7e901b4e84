using NativeLink.Actors.Simulation.Scheduling.Local;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>Nobody waits for ever: whoever asks the local cluster for something has an answer within a bound.</summary>
internal sealed class NobodyWaits(SimWorld world) : Checker(world)
{
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(15);

    public override void Asked(SimCall call) => World.Time.After(Bound, () =>
    {
        if (call.Operation.Outcome is null)
            World.Violate($"{call} waits for {Bound.TotalMinutes} minutes");
    });
}
