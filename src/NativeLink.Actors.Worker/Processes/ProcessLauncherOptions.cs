namespace NativeLink.Actors.Worker.Processes;

/// <summary>How process trees are held together.</summary>
internal enum ContainmentKind
{
    /// <summary>
    /// The first that works here, tried by really running
    /// something: cgroup, then PID namespace, then subreaper.
    /// </summary>
    Automatic,

    /// <summary>A cgroup v2 of its own for every tree: certain.</summary>
    Cgroup,

    /// <summary>A PID namespace for every tree: certain.</summary>
    PidNamespace,

    /// <summary>Child subreaper, an inherited mark, and /proc: best effort.</summary>
    Subreaper,
}

/// <summary>How the launcher works, and what is the same for all that it spawns.</summary>
internal sealed record ProcessLauncherOptions
{
    public ContainmentKind Containment { get; init; } = ContainmentKind.Automatic;

    /// <summary>How long after SIGKILL a tree may still be there before it is reported as the worker's fault.</summary>
    public TimeSpan EndBound { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a spawn is tried again that fails because somebody still holds the program open for
    /// writing ("text file busy"), or for want of anything.
    /// </summary>
    public TimeSpan BusyBound { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long a spawn may take until the program begins, before it is answered as the worker's
    /// fault: file systems may not answer.
    /// </summary>
    public TimeSpan SpawnBound { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How many files a child may open.</summary>
    public ResourceLimit OpenFiles { get; init; } = StartLimits.OpenFiles;

    /// <summary>Threads that spawn; a spawn holds one until exec.</summary>
    public int Lanes { get; init; } = Math.Clamp(2 * Environment.ProcessorCount, 8, 16);
}
