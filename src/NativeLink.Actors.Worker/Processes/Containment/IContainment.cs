namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// A way to hold a process tree together so that it
/// can be ended, and proven to have ended, as a whole.
/// </summary>
internal interface IContainment : IDisposable
{
    /// <summary>What it is and how certain it is, for the log.</summary>
    string Description { get; }

    /// <summary>What one spawning thread needs; called on that thread.</summary>
    ILaneContainment ForLane();

    /// <summary>
    /// Called by the reaper before it asks trees whether they are empty: what has been seen before
    /// this does not count any more.
    /// </summary>
    void BeginRound()
    {
    }
}

/// <summary>Puts what one thread spawns into trees of its own. Used on that thread only.</summary>
internal interface ILaneContainment : IDisposable
{
    /// <summary>Spawns into a tree of its own.</summary>
    /// <returns>The tree, or null when nothing was spawned: then <see cref="SpawnCall.Failure"/>
    /// and <see cref="SpawnCall.Error"/> say why.</returns>
    /// <exception cref="FaultException">Worker: the tree cannot be made here; no process is left.</exception>
    IProcessTree? Spawn(SpawnCall call);
}

/// <summary>A spawned process and everything that comes from it. Used on the reaper's thread only.</summary>
internal interface IProcessTree
{
    /// <summary>Sends SIGKILL to all of it; may be repeated.</summary>
    void Kill();

    /// <summary>Whether nothing of it runs any more; asked when its first process has been waited for.</summary>
    bool IsEmpty();

    /// <summary>What it holds in memory now, in KiB.</summary>
    long ResidentKiB();

    /// <summary>Gives back what the tree needed; called once, when it is empty.</summary>
    TreeUsage Close();
}

/// <summary>What the containment itself knows about a finished tree; null where it does not.</summary>
internal readonly record struct TreeUsage(TimeSpan? Cpu, TimeSpan ExtraCpu, long? PeakMemoryKiB, bool OutOfMemory)
{
    /// <summary>What ended the tree when that was neither the tree itself nor this process; else null.</summary>
    internal string? Interference { get; init; }
}
