using System.Collections.Immutable;

namespace NativeLink.Actors.Differential.Transparency;

/// <summary>
/// A small program for a directory with the inputs of <see cref="Inputs"/>, which says what it sees
/// there: run by /bin/sh, it prints nothing that names its directory, its process or the time of
/// day, and leaves its outputs in <c>out</c>.
/// </summary>
internal sealed record SmallProgram(string Name, string Script)
{
    /// <summary>Commands without which it cannot be run.</summary>
    public ImmutableArray<string> Needs { get; init; } = [];

    /// <summary>A shell script that fails where it cannot be run although the commands are there.</summary>
    public string Trial { get; init; } = "";

    /// <summary>
    /// Whether the plain directory is as a person would make it,
    /// not with the modes and times that inputs have on purpose.
    /// </summary>
    public bool AsAPersonHasThem { get; init; }

    public string FullScript => "mkdir out\n" + Script;

    /// <summary>
    /// Whether it writes into its input files where they
    /// lie: with hard links they are the store's own.
    /// </summary>
    public bool ChangesInputs { get; init; }
}
