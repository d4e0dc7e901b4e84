namespace NativeLink.Actors.Worker.Connection;

/// <summary>
/// When a worker takes no more actions for a while, since the last ones failed for reasons of this machine or of its
/// stores: each of them would cost an operation one of its few attempts.
/// </summary>
public sealed record BreakerOptions
{
    /// <summary>
    /// So many failures, without an action between them that came to something: a success, a failure of its own, a
    /// timeout. At least 1. Inputs that are missing, kills and refusals say nothing either way.
    /// </summary>
    public int Failures { get; init; } = 8;

    /// <summary>All of them within this.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromMinutes(1);
}
