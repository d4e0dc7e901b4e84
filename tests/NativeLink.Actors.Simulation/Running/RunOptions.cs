using System.Collections.Immutable;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Running;

/// <summary>What is simulated.</summary>
/// <param name="Seed">Of every draw.</param>
internal sealed record RunOptions(int Seed)
{
    public int Workers { get; init; } = 4;

    public int Operations { get; init; } = 200;

    /// <summary>What the usual chances of faults are multiplied by; 0: none.</summary>
    public double Faults { get; init; } = 1;

    /// <summary>The local cluster's scheduler runs, with clients of its own, instead of NativeLink's rules.</summary>
    public bool Local { get; init; }

    /// <summary>How often a fault may strike; what is not named: as often as it does.</summary>
    public ImmutableDictionary<SimFault, int> Most { get; init; } = ImmutableDictionary<SimFault, int>.Empty;

    /// <summary>A fault of ours that the checkers have to find.</summary>
    public Planted Planted { get; init; }

    /// <summary>Whether a script says of each action whether it may run; now and then it says no.</summary>
    public bool Precondition { get; init; }

    /// <summary>
    /// So many more operations when all is done and nothing goes wrong any more: each has to come to what its action
    /// makes.
    /// </summary>
    public int Afterwards { get; init; }

    /// <summary>Called when everything is there, and nothing has begun.</summary>
    public Action<SimulationRun>? Prepare { get; init; }

    /// <summary>Where the trace goes; null: nowhere.</summary>
    public string? TraceFile { get; init; }
}
