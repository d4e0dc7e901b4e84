using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>
/// Nothing grows without bound: a host has no more actors and attempt directories than its slots and what may wait
/// there need, those that are being ended counted in.
/// </summary>
internal sealed class NothingGrows : Checker
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // Its executor, and what that has under way.
    private const int ActorsOfAttempt = 3;
    private const int ActorsOfWorker = 20;

    public NothingGrows(SimWorld world, IReadOnlyList<SimHost> hosts)
        : base(world) =>
        world.Time.Each(Pause, () =>
        {
            foreach (var host in hosts)
                Look(host);
        });

    private void Look(SimHost host)
    {
        // As many again may be on their way out.
        var attempts = 2 * (host.Slots + (SimHost.MostWaiting * host.WorkerSlots.Count));
        var (actors, directories) = (World.Actors.Of(host.Pool.Path.Name).Count,
            host.Disk.NamesIn(SimDirectories.Work).Count);
        if (actors > (ActorsOfAttempt * attempts) + (ActorsOfWorker * host.WorkerSlots.Count))
            World.Violate($"{host.Name} has {actors} actors, for {attempts} attempts at most");
        if (directories > attempts)
            World.Violate($"{host.Name} has {directories} attempt directories, for {attempts} attempts at most");
    }
}
