namespace NativeLink.Actors.Simulation.Scheduling;

/// <summary>
/// What a worker owes for the starts that it has heard: one result, also when it hears the same start twice; after a
/// kill a further start begins another.
/// </summary>
/// <param name="Operation">The operation.</param>
/// <param name="Heard">When the first start was heard.</param>
internal sealed record SimAttempt(string Operation, DateTimeOffset Heard)
{
    /// <summary>The number of the last start that it answers for.</summary>
    public int Start { get; set; }

    /// <summary>When its kill was heard.</summary>
    public DateTimeOffset? Killed { get; set; }

    /// <summary>Whether the worker has answered.</summary>
    public bool Answered { get; set; }
}
