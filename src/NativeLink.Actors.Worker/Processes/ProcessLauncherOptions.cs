namespace NativeLink.Actors.Worker.Processes;

/// <summary>How process trees are held together.</summary>
public enum ContainmentKind
{
    /// <summary>The first that works here, tried by really running something: cgroup, then PID namespace, then subreaper.</summary>
    Automatic,

    /// <summary>A cgroup v2 of its own for every tree: certain.</summary>
    Cgroup,

    /// <summary>A PID namespace for every tree: certain.</summary>
    PidNamespace,

    /// <summary>Child subreaper, an inherited mark, and /proc: best effort.</summary>
    Subreaper,
}

/// <summary>How the launcher works.</summary>
public sealed record ProcessLauncherOptions
{
    public ContainmentKind Containment { get; init; } = ContainmentKind.Automatic;

    /// <summary>How long after SIGKILL a tree may still be there before it is reported as the worker's fault.</summary>
    public TimeSpan EndBound { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a program that somebody still holds open for writing ("text file busy") is tried again.</summary>
    public TimeSpan BusyBound { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Threads that spawn; a spawn holds one until exec, and mostly waits there for the kernel to move the child.</summary>
    public int Lanes { get; init; } = Math.Clamp(2 * Environment.ProcessorCount, 8, 16);
}
