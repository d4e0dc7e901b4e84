using NativeLink.Actors.LocalCluster.Scheduling.Clients;
using Stage = Build.Bazel.Remote.Execution.V2.ExecutionStage.Types.Value;

namespace NativeLink.Actors.Simulation.Scheduling.Local;

/// <summary>What a client has asked the local cluster for, and how it stands as the client's stream says.</summary>
/// <param name="Operation">What is asked for.</param>
/// <param name="Client">Who asks, and shares the workers with others.</param>
/// <param name="Priority">Higher goes first.</param>
/// <param name="Needs">What a worker must have for it.</param>
internal sealed record SimCall(SimOperation Operation, string Client, int Priority, SimNeeds Needs)
{
    /// <summary>What the scheduler writes to; null: the client does not listen.</summary>
    public OperationStream? Stream { get; set; }

    /// <summary>The client's name for it; null before the first update.</summary>
    public string? Name { get; set; }

    /// <summary>Of the last update.</summary>
    public Stage Stage { get; set; }

    /// <summary>The client has cancelled it.</summary>
    public bool Cancelled { get; set; }

    /// <summary>The client has gone at least once.</summary>
    public bool WasAway { get; set; }

    /// <summary>The client hears nothing, which the scheduler does not know yet.</summary>
    public bool IsDeaf { get; set; }

    /// <summary>As far as the scheduler knows somebody reads.</summary>
    public bool IsListening => Stream is { IsAbandoned: false };

    public bool IsWaiting => IsListening && Stage == Stage.Queued;

    public override string ToString() => $"{Operation.Id} of {Client} at {Stage}";
}

/// <summary>What an action asks of a worker.</summary>
/// <param name="Processors">How many it takes while its process runs.</param>
/// <param name="Architecture">Which the worker must have.</param>
internal sealed record SimNeeds(int Processors, string Architecture);
