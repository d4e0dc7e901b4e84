using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>At no time has a store more than its bound, but for what is leased.</summary>
internal sealed class DiskBudget : Checker
{
    public DiskBudget(SimWorld world, IReadOnlyList<SimHost> hosts)
        : base(world) =>
        world.Time.Each(TimeSpan.FromSeconds(1), () =>
        {
            foreach (var host in hosts)
                Look(host);
        });

    public override void Drained(SimHost host) => Look(host);

    private void Look(SimHost host)
    {
        if (host.Store.BytesTooMany > 0)
            World.Violate($"{host.Name} has {host.Store.BytesTooMany} bytes too many");
    }
}
