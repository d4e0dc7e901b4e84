using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Simulation.Scheduling;

/// <summary>What is at the other end of the workers' streams, with all that is asked of it in a run.</summary>
internal interface ISimScheduler
{
    /// <summary>All that was asked for so far.</summary>
    IReadOnlyCollection<SimOperation> Operations { get; }

    /// <summary>Everything has been asked for, and has come to something; no worker owes anything.</summary>
    bool IsDone { get; }

    /// <summary>Operations that have come to something.</summary>
    int DoneCount { get; }

    /// <summary>Attempts that were lost.</summary>
    int Retries { get; }

    /// <summary>What is still open, for whom it takes too long.</summary>
    IEnumerable<string> Open { get; }

    void Begin();

    /// <summary>A worker has opened a stream.</summary>
    void Opened(SimStream stream);

    /// <summary>A stream has ended.</summary>
    void Gone(SimStream stream);

    /// <summary>A worker's message has come.</summary>
    /// <param name="attempt">Whose result it is, if it is one.</param>
    void Take(SimStream stream, WorkerMessage message, SimAttempt? attempt);

    /// <summary>Nothing has happened for minutes; says what is wrong with what it still has.</summary>
    void Settled();
}
