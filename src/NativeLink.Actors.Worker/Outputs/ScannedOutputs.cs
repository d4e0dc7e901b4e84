namespace NativeLink.Actors.Worker.Outputs;

/// <summary>A regular file to be hashed and uploaded.</summary>
/// <param name="Location">Absolute path, itself no symlink; empty for content that is empty by definition.</param>
/// <param name="MoveFrom">The path by which the file may be moved into the local store; null when
/// it has to be copied.</param>
internal sealed record ScannedFile(string Location, bool Executable, Reapi.NodeProperties? Properties, string? MoveFrom)
{
    /// <summary>Bytes when it was found, holes as well.</summary>
    public long Size { get; init; }

    /// <summary>Known once the file has been hashed.</summary>
    public Digest Digest { get; set; }
}

internal sealed record ScannedLink(string Target, bool ToDirectory, Reapi.NodeProperties? Properties);

/// <summary>
/// A directory with all that is below it; each list is sorted
/// by name in byte order. It may stand in several places.
/// </summary>
internal sealed class ScannedDirectory
{
    public Reapi.NodeProperties? Properties { get; set; }

    public List<(string Name, ScannedFile File)> Files { get; } = [];

    public List<(string Name, ScannedDirectory Directory)> Directories { get; } = [];

    public List<(string Name, ScannedLink Link)> Links { get; } = [];

    /// <summary>
    /// Names at and below it, those of a directory that
    /// stands in several places as often as it does.
    /// </summary>
    public long Entries { get; set; }

    public void Add(string name, ScannedDirectory directory)
    {
        Directories.Add((name, directory));
        Entries += directory.Entries;
    }
}

/// <summary>The outputs that were found, by their path as the command gave it.</summary>
internal sealed class ScannedOutputs
{
    public List<(string Path, ScannedFile File)> Files { get; } = [];

    public List<(string Path, ScannedDirectory Directory)> Directories { get; } = [];

    public List<(string Path, ScannedLink Link)> Links { get; } = [];

    /// <summary>Every regular file with content of its own, also those in directories, each once.</summary>
    public List<ScannedFile> AllFiles { get; } = [];

    /// <summary>What was left out although something was there, and why.</summary>
    public List<string> LeftOut { get; } = [];

    /// <summary>Fills <see cref="AllFiles"/> from what was found.</summary>
    public void CollectFiles()
    {
        var (seen, met, open) = (new HashSet<ScannedFile>(ReferenceEqualityComparer.Instance),
            new HashSet<ScannedDirectory>(), new Stack<ScannedDirectory>());
        foreach (var (_, file) in Files)
            Take(file);
        foreach (var (_, directory) in Directories)
            open.Push(directory);
        while (open.TryPop(out var directory))
        {
            if (!met.Add(directory))
                continue;
            foreach (var (_, file) in directory.Files)
                Take(file);
            foreach (var (_, child) in directory.Directories)
                open.Push(child);
        }

        void Take(ScannedFile file)
        {
            if (file.Location.Length > 0 && seen.Add(file))
                AllFiles.Add(file);
        }
    }
}
