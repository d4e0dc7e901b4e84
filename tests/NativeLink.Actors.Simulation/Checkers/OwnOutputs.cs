using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>A success has its own outputs, all of them in the CAS, and they are those of a lone run.</summary>
internal sealed class OwnOutputs(SimWorld world, SimCas cas) : Checker(world)
{
    private readonly Dictionary<string, string> _actions = [];

    public override void Accepted(SimOperation operation) => _actions.Add(operation.Id, operation.Action);

    public override void Done(SimOperation operation) =>
        World.Time.After(TimeSpan.FromMinutes(30), () => _actions.Remove(operation.Id));

    public override void ResultSent(SimStream stream, SimAttempt? attempt, ExecuteResult result)
    {
        if (result.ExecuteResponse is not { Status: null or { Code: 0 }, Result: { } outputs }
            || !_actions.TryGetValue(result.OperationId.Value, out var action))
            return;
        if (outputs.ExitCode <= 1 && SimActions.WhatIsWrong(cas, action, outputs) is { } wrong)
            World.Violate($"{result.OperationId}: {wrong}");
    }
}
