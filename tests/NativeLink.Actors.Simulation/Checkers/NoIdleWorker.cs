using NativeLink.Actors.Simulation.Scheduling.Local;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>Whenever the local cluster's scheduler rests, nothing waits that one of its workers could run.</summary>
internal sealed class NoIdleWorker(SimWorld world) : Checker(world)
{
    public override void Turned(SimCluster cluster)
    {
        foreach (var call in cluster.Clients.Open)
        {
            if (!call.IsWaiting)
                continue;
            foreach (var member in cluster.Members)
            {
                if (member.CanTake(call.Operation.Digest, call.Needs, World.Now))
                    World.Violate($"{call} waits, and {member.Stream.Id} could run it");
            }
        }
    }
}
