using NativeLink.Actors.Storage;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>
/// Makes directories in an input root. Links of the tree are followed only while they stay inside
/// it; nothing runs in the root yet, so that what was looked at is what is used.
/// </summary>
internal interface IOutputParents
{
    /// <summary>Makes every directory and gives back the real path of the working directory.</summary>
    /// <exception cref="FaultException">Action: a link on the way leaves the root, a file is in the
    /// way, or the working directory does not exist.</exception>
    string Create(string root, IEnumerable<string> parents, string workingDirectory, CancellationToken cancellation);
}

/// <summary>Those on this disk.</summary>
internal sealed class OutputParents : IOutputParents
{
    private const int MaxLinks = 40;

    string IOutputParents.Create(
        string root, IEnumerable<string> parents, string workingDirectory, CancellationToken cancellation) =>
        Create(root, parents, workingDirectory, cancellation);

    /// <inheritdoc cref="IOutputParents.Create"/>
    public static string Create(
        string root, IEnumerable<string> parents, string workingDirectory, CancellationToken cancellation = default)
    {
        foreach (var parent in parents)
        {
            cancellation.ThrowIfCancellationRequested();
            Walk(root, parent, create: true);
        }
        return Walk(root, workingDirectory, create: false);
    }

    private static string Walk(string root, string relative, bool create)
    {
        var pending = new Stack<string>(relative.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        var reached = new List<string>();
        var links = 0;
        while (pending.TryPop(out var part))
        {
            if (part is "." or "")
                continue;
            if (part == "..")
            {
                if (reached.Count == 0)
                    throw Leaves(relative);
                reached.RemoveAt(reached.Count - 1);
                continue;
            }
            var path = Path.Combine([root, .. reached, part]);
            if (new FileInfo(path).LinkTarget is { } target)
            {
                if (target.StartsWith('/') || ++links > MaxLinks)
                    throw Leaves(relative);
                foreach (var step in target.Split('/').Reverse())
                    pending.Push(step);
                continue;
            }
            if (!Directory.Exists(path))
                Make(path, relative, create);
            reached.Add(part);
        }
        return Path.Combine([root, .. reached]);
    }

    private static void Make(string path, string relative, bool create)
    {
        if (File.Exists(path))
            throw new FaultException(
                FaultKind.Action, $"'{relative}' cannot be a directory: the input tree has a file on the way");
        if (!create)
        {
            throw new FaultException(FaultKind.Action,
                $"working_directory '{relative}' does not exist: " +
                "neither the input tree nor an output's parent makes it");
        }
        try
        {
            Directory.CreateDirectory(path);
            // An input directory does not look younger for it, nor
            // does what an action finds depend on when it was started.
            if (InputTime.SetOnNew(path) is { } problem)
                throw new FaultException(
                    FaultKind.Worker, $"the time of the output directory '{relative}' cannot be set: {problem}");
        }
        catch (PathTooLongException error)
        {
            throw new FaultException(
                FaultKind.Action,
                $"the output directory '{MessageText.Head(relative, 40)}…' cannot be made: " +
                "its path is longer than this system takes", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(
                FaultKind.Worker, $"cannot make the output directory '{relative}': {error.Message}", error);
        }
    }

    private static FaultException Leaves(string relative) =>
        new(FaultKind.Action, $"'{relative}' leads out of the input root through a symlink of the input tree");
}
