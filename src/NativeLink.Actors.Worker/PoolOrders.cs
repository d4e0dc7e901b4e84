using Akka.Actor;
using static NativeLink.Actors.Worker.PoolProtocol;

namespace NativeLink.Actors.Worker;

/// <summary>
/// What a pool has been asked for, and who waits for what. Outlives its incarnations: told to the next one by a
/// message, it would come behind what is in the mailbox already.
/// </summary>
internal sealed class PoolOrders
{
    /// <summary>Workers that somebody has paused, by name, and why.</summary>
    public Dictionary<string, string> Paused { get; } = [];

    public HashSet<IActorRef> AwaitingRegistered { get; } = [];

    public HashSet<IActorRef> AwaitingStopped { get; } = [];

    public HashSet<IActorRef> Drainers { get; } = [];

    /// <summary>Whether everything that ran was finished and answered, as far as is known.</summary>
    public bool AllDrained { get; set; } = true;

    /// <summary>Whether nothing new is to be begun.</summary>
    public bool Ending { get; set; }

    /// <summary>Whether the pool stops with its last worker.</summary>
    public bool ShuttingDown { get; set; }

    /// <summary>Why there is nothing left to do; null while there is.</summary>
    public Stopped? Stopped { get; set; }
}
