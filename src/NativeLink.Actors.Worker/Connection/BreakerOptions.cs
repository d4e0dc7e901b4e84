namespace NativeLink.Actors.Worker.Connection;

/// <summary>
/// When a worker takes no more actions for a while, since the last ones failed for reasons of this machine or of its
/// stores: each of them would cost an operation one of its few attempts.
/// </summary>
public sealed record BreakerOptions
{
    /// <summary>So many failures, without one action between them that the worker could finish; at least 1.</summary>
    public int Failures { get; init; } = 8;

    /// <summary>All of them within this.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromMinutes(1);
}
