using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>From its greeting on a stream has a keep-alive each half of 5 s, within a tenth.</summary>
internal sealed class KeepAliveGap(SimWorld world) : Checker(world)
{
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(2.5 * 1.1);

    // The worker hears the greeting later than it is given.
    private readonly Dictionary<SimStream, DateTimeOffset> _last = [];

    public override void GreetingHeard(SimStream stream) => _last.TryAdd(stream, World.Now);

    public override void KeepAlive(SimStream stream)
    {
        Look(stream);
        _last[stream] = World.Now;
    }

    public override void StreamLeft(SimStream stream) => _last.Remove(stream);

    public override void StreamEnded(SimStream stream)
    {
        Look(stream);
        _last.Remove(stream);
    }

    private void Look(SimStream stream)
    {
        if (_last.TryGetValue(stream, out var last) && World.Now - last > Most)
            World.Violate($"{stream.Id} had no keep-alive for {(World.Now - last).TotalSeconds} s");
    }
}
