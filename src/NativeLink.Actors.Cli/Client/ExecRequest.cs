using System.Collections.Immutable;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Cli.Client;

/// <summary>What <c>exec</c> was asked to run.</summary>
internal sealed record ExecRequest
{
    /// <summary>The words after <c>--</c>; at least one.</summary>
    public required ImmutableArray<string> Arguments { get; init; }

    /// <summary>Uploaded as the input root; null: an empty one.</summary>
    public string? InputDirectory { get; init; }

    public ImmutableArray<string> Outputs { get; init; } = [];

    /// <summary>The whole environment of the action.</summary>
    public ImmutableSortedDictionary<string, string> Environment { get; init; } =
        ImmutableSortedDictionary.Create<string, string>(Utf8Order.Instance);

    public ImmutableSortedDictionary<string, string> Properties { get; init; } =
        ImmutableSortedDictionary.Create<string, string>(Utf8Order.Instance);

    /// <summary>Null: the executor's own.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Neither look into the action cache nor write there.</summary>
    public bool NoCache { get; init; }

    /// <summary>Where outputs are written.</summary>
    public required string Into { get; init; }
}
