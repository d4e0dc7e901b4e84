using Akka.Actor;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>
/// What a connection has been asked for and has not done yet. Outlives its incarnations: told to the next one by a
/// message, it would come behind what is in the mailbox already.
/// </summary>
internal sealed class StandingOrders
{
    /// <summary>Why this worker ends, from when it is known: there is no other stream after this one.</summary>
    public Leave? Ending { get; set; }

    /// <summary>Why it is, or will be, without a scheduler; null: it is not to be.</summary>
    public Rest? Pause { get; set; }

    /// <summary>Whether something that ran was not finished, or its answer not heard.</summary>
    public bool LostWork { get; set; }

    /// <param name="Drainer">Who waits for Drained; null: nobody.</param>
    public sealed record Leave(IActorRef? Drainer);

    /// <param name="Reason">For the log, and for whoever asks.</param>
    /// <param name="IsOwn">The worker's own will; a trial action ends it.</param>
    public sealed record Rest(string Reason, bool IsOwn);
}
