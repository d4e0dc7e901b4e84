using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Worker;

/// <summary>One worker (protos/README.md 5.3).</summary>
public sealed record WorkerOptions
{
    /// <summary>How it presents itself to its scheduler.</summary>
    public required ConnectionOptions Connection { get; init; }

    /// <summary>How it runs actions.</summary>
    public ExecutorOptions Actions { get; init; } = new();

    /// <summary>Wiped at start; holds <c>{attempt}/work</c> while an action runs.</summary>
    public required string WorkDirectory { get; init; }

    /// <summary>
    /// Whether that is one worker's part of its parent directory,
    /// which then is this program's and holds parts only.
    /// </summary>
    public bool WorkDirectoryIsPart { get; init; }

    /// <summary>How long a new input root may wait for the deletion of old ones.</summary>
    public TimeSpan MaxCleanupWait { get; init; } = TimeSpan.FromSeconds(30);
}
