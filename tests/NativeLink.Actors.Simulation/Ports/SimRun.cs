using NativeLink.Actors.Simulation.Running;

namespace NativeLink.Actors.Simulation.Ports;

/// <summary>A process.</summary>
/// <param name="Number">No two have the same.</param>
/// <param name="Host">Where.</param>
/// <param name="Worker">Of which worker there.</param>
/// <param name="Operation">Whose.</param>
/// <param name="Action">What it makes.</param>
/// <param name="Directory">Where it works.</param>
/// <param name="Began">When.</param>
internal sealed record SimRun(
    int Number, SimHost Host, string Worker, string Operation, string Action, string Directory, DateTimeOffset Began)
{
    /// <summary>Tells it to end.</summary>
    public Action End { get; set; } = static () => { };

    /// <summary>When it was told to end.</summary>
    public DateTimeOffset? Aborted { get; set; }

    /// <summary>What its end is to be.</summary>
    public int ExitCode { get; set; }

    /// <summary>When it was gone.</summary>
    public DateTimeOffset? Ended { get; set; }

    /// <summary>What it says, by which its results are known.</summary>
    public string Says => $"run {Number}";
}
