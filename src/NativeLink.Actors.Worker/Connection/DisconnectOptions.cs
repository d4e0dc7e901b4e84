namespace NativeLink.Actors.Worker.Connection;

/// <summary>What becomes of running actions when their stream is lost.</summary>
public sealed record DisconnectOptions
{
    /// <summary>
    /// Whether they run on: what they come to enters the action cache as far as the results' options say, and answers
    /// whoever sends the same action again. Otherwise they are ended.
    /// </summary>
    public bool Finish { get; init; }

    /// <summary>How long they may run on, and how long their results are kept.</summary>
    public TimeSpan Bound { get; init; } = TimeSpan.FromMinutes(10);
}
