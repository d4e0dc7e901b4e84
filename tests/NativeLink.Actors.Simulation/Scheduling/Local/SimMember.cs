using NativeLink.Actors.LocalCluster.Scheduling.Workers;
using NativeLink.Actors.Worker.Connection.WorkerApi;

namespace NativeLink.Actors.Simulation.Scheduling.Local;

/// <summary>A worker's stream at the local cluster, with books of what it holds, from what goes over it.</summary>
/// <param name="stream">To the worker.</param>
/// <param name="link">To the scheduler.</param>
/// <param name="offer">What the worker has.</param>
internal sealed class SimMember(SimStream stream, WorkerLink link, SimNeeds offer)
{
    public SimStream Stream => stream;

    public WorkerLink Link => link;

    public WorkerApiTranslator Translator { get; } = new();

    /// <summary>What it was given and has not answered, by operation.</summary>
    public Dictionary<string, SimHolding> Held { get; } = [];

    /// <summary>An operator has taken it out.</summary>
    public bool IsOut { get; set; }

    /// <summary>It refused while it held more; a further answer ends that.</summary>
    public bool IsPaused { get; set; }

    /// <summary>It refused with nothing in its hands; not asked before this time.</summary>
    public DateTimeOffset NotBefore { get; set; }

    private int FreeProcessors =>
        offer.Processors - Held.Values.Where(static held => !held.HasEnded).Sum(static held => held.Needs.Processors);

    private bool IsFull => link.MaxInflight > 0 && (ulong)Held.Count >= link.MaxInflight;

    public bool Holds(Digest action) => Held.Values.Any(held => held.Action == action);

    /// <summary>Whether it is to be given this action if it waits.</summary>
    public bool CanTake(Digest action, SimNeeds needs, DateTimeOffset now) =>
        !IsOut && !IsPaused && NotBefore <= now && !IsFull && !Holds(action)
        && needs.Architecture == offer.Architecture && needs.Processors <= FreeProcessors;

    /// <summary>What a worker has: the second one of each host is of the rare kind.</summary>
    /// <param name="worker">Its name.</param>
    /// <param name="inflight">How many operations it takes at once; 0: no limit.</param>
    public static SimNeeds OfferOf(string worker, int inflight) => new(inflight == 0 ? 1000 : inflight + 1,
        worker.EndsWith('b') ? SimClients.Rare : SimClients.Usual);
}

/// <summary>An operation at a worker.</summary>
/// <param name="Action">What it runs.</param>
/// <param name="Needs">What it takes.</param>
/// <param name="Owners">Whose share it may take: one client, or those that wait for it together.</param>
internal sealed record SimHolding(Digest Action, SimNeeds Needs, IReadOnlySet<string> Owners)
{
    /// <summary>Its process has ended.</summary>
    public bool HasEnded { get; set; }
}
