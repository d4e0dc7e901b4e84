using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>From its greeting on a stream has a keep-alive each half of 5 s, within a tenth.</summary>
internal sealed class KeepAliveGap(SimWorld world) : Checker(world)
{
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(2.5 * 1.1);

    // A first one may fall between greeting and its hearing; after that the period is the worker's own.
    private readonly Dictionary<SimStream, DateTimeOffset> _last = [];

    public override void KeepAlive(SimStream stream)
    {
        if (_last.TryGetValue(stream, out var last) && World.Now - last > Most)
            World.Violate($"{stream.Id} had no keep-alive for {(World.Now - last).TotalSeconds} s");
        _last[stream] = World.Now;
    }

    public override void StreamEnded(SimStream stream)
    {
        if (_last.Remove(stream, out var last) && World.Now - last > Most && stream.Registered && !stream.IsLeft)
            World.Violate($"{stream.Id} had no keep-alive in its last {(World.Now - last).TotalSeconds} s");
    }
}
