using Akka.Actor;

namespace NativeLink.Actors.Simulation.World;

/// <summary>The actors that live now below each host, in the order of their beginnings.</summary>
internal sealed class SimActors
{
    private readonly Dictionary<string, List<IActorRef>> _alive = [];

    public IEnumerable<IActorRef> Alive => _alive.Values.SelectMany(static actors => actors);

    /// <summary>Of one host, without its pool.</summary>
    /// <param name="host">The name of its pool.</param>
    public IReadOnlyList<IActorRef> Of(string host) => _alive.GetValueOrDefault(host) ?? [];

    public void Begin(IActorRef actor)
    {
        if (HostOf(actor) is not { } host)
            return;
        if (!_alive.TryGetValue(host, out var actors))
            _alive.Add(host, actors = []);
        actors.Add(actor);
    }

    public void End(IActorRef actor)
    {
        if (HostOf(actor) is { } host)
            _alive[host].Remove(actor);
    }

    private static string? HostOf(IActorRef actor) =>
        actor.Path.Elements is ["user", var host, _, ..] && host.StartsWith("host-", StringComparison.Ordinal)
            ? host
            : null;
}
