using NativeLink.Actors.Differential.Model;

namespace NativeLink.Actors.Differential.Generation;

/// <summary>How an action is meant to end.</summary>
internal enum Ending
{
    Exit,
    Signal,
    Timeout,

    /// <summary>A blob of the input tree is not in the CAS.</summary>
    MissingInput,

    /// <summary>An output path that no action may have.</summary>
    RefusedPath,

    /// <summary>A program that does not exist: exit code 127.</summary>
    NoProgram,
}

/// <summary>An action, and all that must come of it, without any digest: those depend on the function.</summary>
internal sealed record GeneratedAction(int Number, DirectoryItem Input)
{
    public required Reapi.Command Command { get; init; }

    public required Ending Ending { get; init; }

    public required int ExitCode { get; init; }

    /// <summary>The input root when the process has ended.</summary>
    public required Disk After { get; init; }

    public required byte[] Stdout { get; init; }

    public required byte[] Stderr { get; init; }
}
