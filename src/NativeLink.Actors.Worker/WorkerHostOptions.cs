using System.Collections.Immutable;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker;

/// <summary>
/// What a host of workers needs: the services that all workers in it share. The command line's room
/// makes it from the configuration.
/// </summary>
public sealed record WorkerHostOptions
{
    /// <summary>The CAS that inputs come from and outputs go to.</summary>
    public required CasOptions Cas { get; init; }

    /// <summary>The store on this disk that inputs pass through.</summary>
    public required ContentStoreOptions LocalStore { get; init; }

    /// <summary>
    /// That store, when it is open in this process already (the local cluster's CAS); the host then
    /// neither opens nor disposes it.
    /// </summary>
    internal ContentStore? SharedStore { get; init; }

    /// <summary>
    /// The CAS when a client for it is open in this process already; <see cref="Cas"/> is then not
    /// looked at, and the host does not dispose it.
    /// </summary>
    public ICasClient? CasClient { get; init; }

    /// <summary>The action cache likewise, for all workers; the host does not dispose it.</summary>
    public IActionCacheClient? ActionCacheClient { get; init; }

    /// <summary>
    /// Whether what is written fills the local store (<c>fast_direction</c>). What is read always
    /// does: inputs are made of its files.
    /// </summary>
    public bool FillStoreOnWrite { get; init; } = true;

    /// <summary>Where input trees are kept on this disk, and how many.</summary>
    public required DirectoryCacheOptions DirectoryCache { get; init; }

    /// <summary>One for each connection to a scheduler; they share the stores and the caches. At least one.</summary>
    public required ImmutableArray<WorkerOptions> Workers { get; init; }

    /// <summary>
    /// Runs the processes of actions, in the place of real ones; the host does not dispose it. Null: real ones, on this
    /// machine.
    /// </summary>
    public IProcessLauncher? Launcher { get; init; }

    /// <summary>How processes are spawned and held together.</summary>
    internal ProcessLauncherOptions Processes { get; init; } = new();

    /// <summary>How long a drain may take before it is cut.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromMinutes(20);

    /// <summary>When a worker pauses itself; null: never.</summary>
    public BreakerOptions? Breaker { get; init; } = new();

    /// <summary>Report 9 for every death by a signal, as NativeLink does, instead of 128 + n.</summary>
    public bool SignalExitCodeIsNine { get; init; }
}
