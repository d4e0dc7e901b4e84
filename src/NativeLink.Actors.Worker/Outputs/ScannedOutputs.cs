namespace NativeLink.Actors.Worker.Outputs;

/// <summary>A regular file to be hashed and uploaded.</summary>
/// <param name="Location">Absolute path; empty for content that is empty by definition.</param>
/// <param name="Follow">Whether the last component is a symlink that is to be followed.</param>
/// <param name="MoveFrom">The path by which the file may be moved into the local store; null when it has to be copied.</param>
internal sealed record ScannedFile(string Location, bool Follow, bool Executable, Reapi.NodeProperties? Properties, string? MoveFrom)
{
    /// <summary>Known once the file has been hashed.</summary>
    public Digest Digest { get; set; }
}

internal sealed record ScannedLink(string Target, bool ToDirectory, Reapi.NodeProperties? Properties);

/// <summary>A directory with all that is below it; each list is sorted by name in byte order.</summary>
internal sealed class ScannedDirectory
{
    public Reapi.NodeProperties? Properties { get; set; }

    public List<(string Name, ScannedFile File)> Files { get; } = [];

    public List<(string Name, ScannedDirectory Directory)> Directories { get; } = [];

    public List<(string Name, ScannedLink Link)> Links { get; } = [];
}

/// <summary>The outputs that were found, by their path as the command gave it.</summary>
internal sealed class ScannedOutputs
{
    public List<(string Path, ScannedFile File)> Files { get; } = [];

    public List<(string Path, ScannedDirectory Directory)> Directories { get; } = [];

    public List<(string Path, ScannedLink Link)> Links { get; } = [];

    /// <summary>Every regular file, also those in directories.</summary>
    public List<ScannedFile> AllFiles { get; } = [];

    /// <summary>What was left out although something was there, and why.</summary>
    public List<string> LeftOut { get; } = [];
}

/// <summary>Compares texts as their UTF-8 bytes compare, which is what a Tree's order means; .NET's ordinal order differs above U+FFFF.</summary>
internal sealed class Utf8Order : IComparer<string>
{
    public static readonly Utf8Order Instance = new();

    public int Compare(string? x, string? y)
    {
        var left = x.AsSpan();
        var right = y.AsSpan();
        var same = left.CommonPrefixLength(right);
        if (same == left.Length || same == right.Length)
            return left.Length.CompareTo(right.Length);
        return Rank(left[same]).CompareTo(Rank(right[same]));
    }

    /// <summary>Surrogates stand for code points above all others.</summary>
    private static int Rank(char unit) => char.IsSurrogate(unit) ? unit + 0x10000 : unit;
}
