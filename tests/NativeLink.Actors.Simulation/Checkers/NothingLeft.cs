using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>
/// Of a host that has drained leases are given back, directories are gone, no actor of an attempt lives.
/// </summary>
internal sealed class NothingLeft(SimWorld world) : Checker(world)
{
    public override void Drained(SimHost host)
    {
        if (host.Store.Leases > 0)
            World.Violate($"{host.Name} has {host.Store.Leases} leases left");
        if (host.Disk.NamesIn(SimDirectories.Work) is { Count: > 0 } left)
            World.Violate($"{host.Name} has left in {SimDirectories.Work}: {string.Join(' ', left)}");
        foreach (var actor in World.Actors.Of(host.Pool.Path.Name)
            .Where(static actor => !IsShared(actor)))
            World.Violate($"{actor.Path.ToStringWithoutAddress()} still lives");
    }

    // The services of a pool stay, and what carries their large downloads.
    private static bool IsShared(Akka.Actor.IActorRef actor) =>
        actor.Path.Elements is [_, _, "downloader" or "runner" or "uploader-0"]
        || (actor.Path.Elements is [_, _, "downloader", _]
            && actor.Path.Name.StartsWith("StreamSupervisor", StringComparison.Ordinal));
}
