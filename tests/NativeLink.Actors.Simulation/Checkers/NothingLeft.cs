using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>
/// At the end leases are given back, directories are
/// gone, the store is within its bound, no child lives.
/// </summary>
internal sealed class NothingLeft(SimWorld world) : Checker(world)
{
    public override void AtEnd(SimulationRun simulation)
    {
        foreach (var host in simulation.Hosts)
        {
            if (host.Store.Leases > 0)
                World.Violate($"{host.Name} has {host.Store.Leases} leases left");
            if (host.Store.BytesTooMany > 0)
                World.Violate($"{host.Name} has {host.Store.BytesTooMany} bytes too many");
            if (host.Disk.NamesIn(SimDirectories.Work) is { Count: > 0 } left)
                World.Violate($"{host.Name} has left in {SimDirectories.Work}: {string.Join(' ', left)}");
        }
        foreach (var actor in World.Actors.Alive.Select(static actor => actor.Path.ToStringWithoutAddress())
            .Where(static path => path.Contains("op-", StringComparison.Ordinal)))
            World.Violate($"{actor} still lives");
    }
}
