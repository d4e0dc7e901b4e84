namespace NativeLink.Actors.Worker.Operations;

/// <summary>
/// The paths that a Command names, checked before any of them touches the disk: relative, without
/// NUL, and inside the input root once joined with the working directory. <c>..</c> inside the root
/// is legal (protos/README.md 4.2).
/// </summary>
internal static class CommandPaths
{
    // limits.h, NAME_MAX.
    private const int LongestName = 255;

    /// <summary>The working directory relative to the input root, normalised; empty for the root itself.</summary>
    /// <exception cref="FaultException">Action: it leaves the input root.</exception>
    public static string WorkingDirectory(Reapi.Command command) =>
        Normalise("", command.WorkingDirectory, "working_directory");

    /// <summary>
    /// Directories, relative to the input root, that have to exist before the command runs: the
    /// parents of all declared outputs.
    /// </summary>
    /// <exception cref="FaultException">Action: a path is absolute, has a NUL, or leaves the input
    /// root; says which.</exception>
    public static IReadOnlyCollection<string> Parents(Reapi.Command command)
    {
        var workingDirectory = WorkingDirectory(command);
        var parents = new SortedSet<string>(StringComparer.Ordinal);
#pragma warning disable CS0612 // The two older lists are still what some clients send.
        var declared = command.OutputPaths.Concat(command.OutputFiles).Concat(command.OutputDirectories);
#pragma warning restore CS0612
        foreach (var path in declared)
        {
            var inRoot = Normalise(workingDirectory, path, "output path");
            var slash = inRoot.LastIndexOf('/');
            if (slash > 0)
                parents.Add(inRoot[..slash]);
        }
        return parents;
    }

    private static string Normalise(string baseDirectory, string path, string what)
    {
        if (path.StartsWith('/'))
            throw new FaultException(FaultKind.Action, $"{what} '{path}' is absolute; it has to be relative");
        if (path.Contains('\0', StringComparison.Ordinal))
            throw new FaultException(
                FaultKind.Action, $"{what} '{path.Replace("\0", "\\0", StringComparison.Ordinal)}' has a NUL in it");
        var parts = new List<string>(baseDirectory.Split('/', StringSplitOptions.RemoveEmptyEntries));
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".")
                continue;
            if (part.Length > LongestName / 3 && System.Text.Encoding.UTF8.GetByteCount(part) > LongestName)
                throw new FaultException(
                    FaultKind.Action,
                    $"{what} '{MessageText.Head(part, 40)}…' has a name of more than {LongestName} bytes, " +
                    "which no file system takes");
            if (part != "..")
                parts.Add(part);
            else if (parts.Count > 0)
                parts.RemoveAt(parts.Count - 1);
            else
                throw new FaultException(FaultKind.Action, $"{what} '{path}' leaves the input root");
        }
        return string.Join('/', parts);
    }
}
