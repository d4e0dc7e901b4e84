using System.Collections.Immutable;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>
/// How one worker runs actions (protos/README.md 5.3). Durations
/// that the file left out have their defaults here already.
/// </summary>
public sealed record ExecutorOptions
{
    /// <summary>
    /// Longest time that a process may run, and the time of an action that asks for none; one that asks for more is
    /// refused with INVALID_ARGUMENT.
    /// </summary>
    public TimeSpan MaxActionTimeout { get; init; } = TimeSpan.FromSeconds(1200);

    /// <summary>
    /// Bound of collecting and uploading the outputs of one action; beyond it the answer is an internal error.
    /// </summary>
    public TimeSpan MaxUploadTimeout { get; init; } = TimeSpan.FromSeconds(600);

    /// <summary>
    /// A wrapper keeps the actions' own timeouts: here <see cref="MaxActionTimeout"/> alone ends a process, and none is
    /// refused for asking for more.
    /// </summary>
    public bool TimeoutHandledExternally { get; init; }

    /// <summary>Put in front of every command as one word; empty: none.</summary>
    public string Entrypoint { get; init; } = "";

    /// <summary>Split with shell rules; null: none.</summary>
    public string? PreconditionScript { get; init; }

    /// <summary>
    /// Bound of that script; beyond it the worker counts as unwilling, and the scheduler sends the action elsewhere.
    /// </summary>
    public TimeSpan PreconditionTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Put before the command's own variables, which win where the names are equal.</summary>
    public ImmutableArray<EnvironmentEntry> AdditionalEnvironment { get; init; } = [];

    /// <summary>This process's own environment, for <c>from_environment</c>.</summary>
    public ImmutableDictionary<string, string> OwnEnvironment { get; init; } =
        ImmutableDictionary<string, string>.Empty;

    /// <summary>
    /// Which results are kept for later; unless set, failures only, as historical records in the CAS.
    /// </summary>
    public UploadResultOptions Results { get; init; } = new();
}
