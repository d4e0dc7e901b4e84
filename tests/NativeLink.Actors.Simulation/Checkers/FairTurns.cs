using NativeLink.Actors.Simulation.Scheduling.Local;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>
/// What the local cluster starts is of the highest priority that waits, and of those of a client of which workers hold
/// least; where several clients wait for one action, whose turn it takes is not asked.
/// </summary>
internal sealed class FairTurns(SimWorld world) : Checker(world)
{
    public override void Given(SimCluster cluster, SimMember member, Digest action, IReadOnlySet<Digest> elsewhere)
    {
        var clients = cluster.Clients;
        var (owners, priority) = (clients.OwnersOf(action), clients.PrioritiesOf(action).Most);
        if (owners.Count != 1)
            return;
        var owner = owners.First();
        var holds = cluster.Members.SelectMany(static other => other.Held.Values)
            .Count(held => held.Owners.Count == 1 && held.Owners.Contains(owner));
        foreach (var call in clients.Open)
        {
            var waiting = call.Operation.Digest;
            if (!call.IsWaiting || waiting == action || elsewhere.Contains(waiting)
                || !member.CanTake(waiting, call.Needs, World.Now) || clients.OwnersOf(waiting).Count != 1)
                continue;
            var least = clients.PrioritiesOf(waiting).Least;
            if (least > priority)
                World.Violate($"{call} has priority {least} and waits, while {owner}'s has {priority} and runs");
            if (least < priority || call.Client == owner)
                continue;
            var most = cluster.Members.SelectMany(static other => other.Held.Values)
                .Count(held => held.Owners.Contains(call.Client));
            if (most < holds)
                World.Violate($"{call} waits, whose client has {most}, while {owner} has {holds} and is given more");
        }
    }
}
