namespace NativeLink.Actors.Simulation.Scheduling;

/// <summary>An operation as the scheduler knows it.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Action">What is to be made, by the name that <see cref="SimActions"/> knows.</param>
/// <param name="Digest">The action in the CAS.</param>
/// <param name="Since">When it was accepted.</param>
internal sealed record SimOperation(string Id, string Action, Digest Digest, DateTimeOffset Since)
{
    /// <summary>Where it counts as running; null: it waits, or is done.</summary>
    public SimStream? Stream { get; set; }

    /// <summary>Attempts that it has lost.</summary>
    public int Failures { get; set; }

    /// <summary>Nobody waits for it any more.</summary>
    public bool Cancelled { get; set; }

    /// <summary>What came of it; null: not done.</summary>
    public SimOutcome? Outcome { get; set; }

    /// <summary>When it was first given to a worker.</summary>
    public DateTimeOffset? Given { get; set; }
}

/// <summary>What an operation came to.</summary>
internal enum SimOutcome
{
    /// <summary>A worker's final response with an exit code of 0.</summary>
    Succeeded,
    /// <summary>Another final response of a worker.</summary>
    Failed,
    /// <summary>Killed, and the kill was answered.</summary>
    Cancelled,
    /// <summary>All attempts were used up.</summary>
    GivenUp,
    /// <summary>Its client went and did not come back.</summary>
    Left,
}
