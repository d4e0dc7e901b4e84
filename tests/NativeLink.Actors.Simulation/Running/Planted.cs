namespace NativeLink.Actors.Simulation.Running;

/// <summary>Faults of a worker that are put in on purpose, at its ports, to see that they are found.</summary>
internal enum Planted
{
    None,
    /// <summary>Now and then a result is not sent.</summary>
    LostReply,
    /// <summary>Now and then a result is sent twice.</summary>
    DoubledResult,
    /// <summary>Now and then a lease is not given back.</summary>
    LeakedLease,
    /// <summary>Now and then a process goes on when it should end, and is said to have ended.</summary>
    UnendedProcess,
    /// <summary>Now and then a keep-alive is left out.</summary>
    MissedKeepAlive,
    /// <summary>Directories are named by the operation, not by the attempt.</summary>
    NamedByOperation,
    /// <summary>The end of one worker's process ends that of the same operation elsewhere on the host.</summary>
    KillHeardBySibling,
    /// <summary>A start after a kill is taken for the attempt that is dying.</summary>
    AdoptedByDying,
    /// <summary>What could not be sent on a stream is sent on the next one.</summary>
    ResultOfOldStream,
    /// <summary>Of several clients that wait for one operation some are not told of its end.</summary>
    ForgottenWaiter,
    /// <summary>A worker that has answered is now and then not asked again.</summary>
    UnmatchedWorker,
    /// <summary>All clients share one client's turn.</summary>
    UnsharedTurns,
}
