using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>What is cached equals what a lone run gives, and no failure is, and nothing that was not to be.</summary>
internal sealed class TrueCache(SimWorld world, SimCas cas) : Checker(world)
{
    private readonly Dictionary<Digest, string> _actions = [];

    public override void Accepted(SimOperation operation) => _actions[operation.Digest] = operation.Action;

    public override void Cached(Digest action, Reapi.ActionResult result)
    {
        var name = _actions[action];
        if (result.ExitCode != 0 || SimActions.ExitCode(name) != 0)
            World.Violate($"a failure of {name} was cached");
        if (SimActions.DoNotCache(name))
            World.Violate($"{name} was cached, which it had forbidden");
        if (SimActions.WhatIsWrong(cas, name, result) is { } wrong)
            World.Violate($"the cache has {wrong}");
    }
}
