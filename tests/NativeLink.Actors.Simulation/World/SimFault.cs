namespace NativeLink.Actors.Simulation.World;

/// <summary>What can go wrong.</summary>
internal enum SimFault
{
    /// <summary>A call to the CAS or the action cache fails: UNAVAILABLE.</summary>
    CasAway,
    /// <summary>A call takes up to half a minute.</summary>
    CasStalls,
    /// <summary>A stream of a large blob breaks in its middle.</summary>
    CasStreamBreaks,
    /// <summary>A blob that the CAS has is answered with other bytes.</summary>
    CasCorrupts,
    /// <summary>A blob of an input is gone, until a client is told so and brings it again.</summary>
    CasLoses,
    /// <summary>A stream to the scheduler ends.</summary>
    StreamBreaks,
    /// <summary>Nothing comes through any more, in neither direction, and nobody is told.</summary>
    StreamHalfOpen,
    /// <summary>The scheduler asks the worker to leave the stream.</summary>
    SchedulerDisconnects,
    /// <summary>A connection is refused.</summary>
    ConnectRefused,
    /// <summary>A connection opens late, or never.</summary>
    ConnectHangs,
    /// <summary>The scheduler greets and hangs up.</summary>
    GreetedAndLeft,
    /// <summary>The scheduler opens the stream and says nothing.</summary>
    NotGreeted,
    /// <summary>Messages take long, in their order.</summary>
    LinkSlow,
    /// <summary>
    /// The scheduler's clock ran out: the operation is
    /// sent again, here or elsewhere, without a kill.
    /// </summary>
    SentAgain,
    /// <summary>The client has gone: the operation is killed.</summary>
    Killed,
    /// <summary>A killed operation is asked for again before its kill is answered.</summary>
    StartedAfterKill,
    /// <summary>A kill of an operation that does not run there.</summary>
    KilledUnknown,
    /// <summary>The disk of the store is full.</summary>
    DiskFull,
    /// <summary>The disk takes seconds.</summary>
    DiskSlow,
    /// <summary>No descriptor for a directory.</summary>
    NoDescriptor,
    /// <summary>No thread or process for an action.</summary>
    NoThread,
    /// <summary>A process ends by a signal.</summary>
    ProcessCrashes,
    /// <summary>A process that is ended takes up to 15 s to go.</summary>
    ProcessDeaf,
    /// <summary>An actor fails at whatever it was to hear next.</summary>
    ActorFails,
    /// <summary>A host is told to drain, with actions running, and another takes its place.</summary>
    HostDrains,
    /// <summary>An operator pauses a host's workers, and resumes them after a while.</summary>
    HostPauses,
    /// <summary>The scheduler's clock is up to an hour ahead or behind.</summary>
    ClockSkewed,
    /// <summary>The hosts' clocks are set, up to an hour ahead or back.</summary>
    ClockJumps,
    /// <summary>A client of the local cluster cancels what it has asked for.</summary>
    ClientCancels,
    /// <summary>A client's stream is cut, or goes silent first; it may come back and ask how things stand.</summary>
    ClientVanishes,
    /// <summary>The local cluster's scheduler fails, and starts afresh.</summary>
    SchedulerFails,
    /// <summary>An operator takes a worker of the local cluster out for a while.</summary>
    WorkerTakenOut,
}
