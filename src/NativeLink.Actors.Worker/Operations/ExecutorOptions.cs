using System.Collections.Immutable;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>How one worker runs actions (protos/README.md 5.3). Durations that the file left out have their defaults here already.</summary>
public sealed record ExecutorOptions
{
    public TimeSpan MaxActionTimeout { get; init; } = TimeSpan.FromSeconds(1200);

    public TimeSpan MaxUploadTimeout { get; init; } = TimeSpan.FromSeconds(600);

    public bool TimeoutHandledExternally { get; init; }

    /// <summary>Put in front of every command as one word; empty: none.</summary>
    public string Entrypoint { get; init; } = "";

    /// <summary>Split with shell rules; null: none.</summary>
    public string? PreconditionScript { get; init; }

    public TimeSpan PreconditionTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public ImmutableArray<EnvironmentEntry> AdditionalEnvironment { get; init; } = [];

    /// <summary>This process's own environment, for <c>from_environment</c>.</summary>
    public ImmutableDictionary<string, string> OwnEnvironment { get; init; } = ImmutableDictionary<string, string>.Empty;

    public UploadResultOptions Results { get; init; } = new();
}
