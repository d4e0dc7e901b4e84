using NativeLink.Actors.Simulation.Checkers;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Supervision;

/// <summary>No worker of a host that drains comes back, whatever fails meanwhile.</summary>
internal sealed class StaysDrained(SimWorld world) : Checker(world)
{
    // What was connecting when the drain began may still be greeted.
    private static readonly TimeSpan Aftermath = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<SimHost, DateTimeOffset> _since = [];

    public override void GreetingHeard(SimStream stream)
    {
        if (!stream.Host.IsDraining)
            _since.Remove(stream.Host);
        else if (World.Now - _since.GetValueOrDefault(stream.Host, World.Now) > Aftermath)
            World.Violate($"{stream.Id} is registered while {stream.Host.Name} drains");
    }

    public override void DrainBegan(SimHost host) => _since[host] = World.Now;
}
