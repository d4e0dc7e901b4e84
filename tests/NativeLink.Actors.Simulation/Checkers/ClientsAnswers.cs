using Google.LongRunning;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.Scheduling.Local;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>
/// What a client of the local cluster hears: one answer under one name, the last thing it hears, and its own action's;
/// cancelled is only what it has cancelled, given up only what it did not listen to.
/// </summary>
internal sealed class ClientsAnswers(SimWorld world, SimCas cas) : Checker(world)
{
    private readonly HashSet<SimCall> _answered = [];

    public override void Updated(SimCall call, Operation update)
    {
        if (_answered.Contains(call) && !update.Done)
            World.Violate($"{call} hears {update.Name} after its answer");
        if (call.Name is { } name && name != update.Name)
            World.Violate($"{call} was {name} and is {update.Name}");
        if (!update.Done)
            return;
        if (!_answered.Add(call) && !call.WasAway)
            World.Violate($"{call} has a second answer");
        Look(call, update.Response.Unpack<Reapi.ExecuteResponse>());
    }

    public override void CallEnded(SimCall call) => _answered.Remove(call);

    private void Look(SimCall call, Reapi.ExecuteResponse response)
    {
        if (SchedulerAnswers.NoExitCode == response.Result?.ExitCode)
        {
            if (response.Status?.Code == (int)StatusCode.Cancelled && !call.Cancelled)
                World.Violate($"{call} is cancelled, which its client has not asked for");
            if (response.Status?.Message.Contains("no client has listened", StringComparison.Ordinal) == true
                && !call.WasAway)
                World.Violate($"{call} is given up, and its client has listened all the time");
        }
        else if (response is { Status.Code: 0, Result: { ExitCode: <= 1 } result }
            && SimActions.WhatIsWrong(cas, call.Operation.Action, result) is { } wrong)
            World.Violate($"{call}: {wrong}");
    }
}
