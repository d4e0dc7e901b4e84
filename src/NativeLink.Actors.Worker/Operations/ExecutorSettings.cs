namespace NativeLink.Actors.Worker.Operations;

/// <summary>What every executor of a worker is given.</summary>
internal sealed record ExecutorSettings(ExecutorOptions Options, ExecutorPeers Peers, IActionDirectories Directories)
{
    public StageLimits Limits { get; init; } = new();

    /// <summary>Report 9 for every death by a signal, as NativeLink does, instead of 128 + n.</summary>
    public bool SignalExitCodeIsNine { get; init; }
}

/// <summary>How long each stage may take at most; together they bound the life of an action.</summary>
internal sealed record StageLimits
{
    /// <summary>Fetching Action and Command: two small blobs.</summary>
    public TimeSpan Loading { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Fetching and laying out the input tree.</summary>
    public TimeSpan Staging { get; init; } = TimeSpan.FromHours(1);

    /// <summary>From the timeout of a process to the end of its tree.</summary>
    public TimeSpan ProcessEnd { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Writing to the action cache and the historical store.</summary>
    public TimeSpan Publishing { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>From a kill to its answer; the scheduler is to have it within 5 s.</summary>
    public TimeSpan KillGrace { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>How long an answered action waits for a service's late reply, to clean up what it brings.</summary>
    public TimeSpan Linger { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How often a line says which stage an action is in and what it waits for.</summary>
    public TimeSpan Watchdog { get; init; } = TimeSpan.FromSeconds(30);
}
