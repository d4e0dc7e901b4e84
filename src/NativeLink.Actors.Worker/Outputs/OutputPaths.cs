namespace NativeLink.Actors.Worker.Outputs;

/// <summary>Output paths as text: what is allowed, and how they are taken apart (protos/README.md 4.2, 4.6).</summary>
internal static class OutputPaths
{
    /// <summary>The path below the input root; <c>..</c> is legal as long as it stays inside.</summary>
    /// <exception cref="FaultException">Action: absolute, with a NUL, or leading out of the root.</exception>
    public static string Join(string workingDirectory, string path)
    {
        if (path.StartsWith('/'))
            throw new FaultException(
                FaultKind.Action, $"output path '{path}' is absolute; it has to be relative to the working directory");
        if (path.Contains('\0', StringComparison.Ordinal))
            throw new FaultException(FaultKind.Action, $"output path '{path.Replace('\0', '?')}' contains a NUL");
        var full = workingDirectory.Length == 0 ? path : $"{workingDirectory}/{path}";
        var depth = 0;
        foreach (var part in full.Split('/'))
        {
            depth += part is "" or "." ? 0 : part == ".." ? -1 : 1;
            if (depth < 0)
                throw new FaultException(FaultKind.Action, $"output path '{path}' leads out of the input root");
        }
        return full;
    }

    /// <summary>
    /// The directory that holds the last component, and that component; empty when the path names a
    /// directory by itself (<c>.</c>, <c>..</c>, nothing).
    /// </summary>
    public static (string Parent, string Name) Split(string full)
    {
        var path = full.Trim('/');
        var slash = path.LastIndexOf('/');
        var name = path[(slash + 1)..];
        if (name is "" or "." or "..")
            return (path.Length == 0 ? "." : path, "");
        return (slash < 0 ? "." : path[..slash], name);
    }

    /// <summary>A path that a message can show.</summary>
    public static string Short(string path) =>
        path.Length <= 300 ? path : $"{MessageText.Head(path, 200)}…{MessageText.Tail(path, 80)}";

    /// <summary>Whether an absolute path is a directory or lies below it, as text.</summary>
    public static bool IsInside(string path, string directory)
    {
        directory = directory.TrimEnd('/');
        return path == directory || path.StartsWith(directory + "/", StringComparison.Ordinal);
    }
}
