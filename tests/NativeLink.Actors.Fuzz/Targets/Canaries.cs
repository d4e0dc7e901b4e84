using System.Globalization;

namespace NativeLink.Actors.Fuzz.Targets;

/// <summary>
/// A directory for a target, removed at the end, with others beside and below it that nobody may
/// touch: what is in them, and what is there at all, is looked at again and again.
/// </summary>
internal sealed class Canaries : IDisposable
{
    private readonly TempDirectory _top = new();
    private readonly List<string> _watched = [];
    private string _before = "";

    public Canaries()
    {
        Place = Directory.CreateDirectory(_top.At("place")).FullName;
        Canary = Add(_top.Path);
        Add(Place);
    }

    /// <summary>The target's own.</summary>
    public string Place { get; }

    /// <summary>The one beside it.</summary>
    public string Canary { get; }

    /// <summary>Puts another canary into a directory.</summary>
    public string Add(string directory)
    {
        var canary = Path.Combine(directory, "canary");
        Directory.CreateDirectory(Path.Combine(canary, "dir"));
        File.WriteAllText(Path.Combine(canary, "f"), "untouched");
        File.WriteAllText(Path.Combine(canary, "dir", "f"), "untouched");
        _watched.Add(canary);
        _before = Look();
        return canary;
    }

    /// <summary>Null when all is as it was.</summary>
    public string? Difference()
    {
        var now = Look();
        return now == _before
            ? null
            : $"something was written outside of the action's directory:\n{_before}\nbecame\n{now}";
    }

    public void Dispose() => _top.Dispose();

    private string Look() => string.Join('\n', Directory.GetFileSystemEntries(_top.Path).Order(StringComparer.Ordinal)
        .Concat(_watched.SelectMany(Describe)));

    private static IEnumerable<string> Describe(string canary) =>
        Directory.GetFileSystemEntries(canary, "*", SearchOption.AllDirectories).Append(canary)
            .Order(StringComparer.Ordinal).Select(path => string.Create(
            CultureInfo.InvariantCulture,
            $"{path} {File.GetUnixFileMode(path)} {File.GetLastWriteTimeUtc(path).Ticks} " +
            $"{(File.Exists(path) ? File.ReadAllText(path) : "")}"));
}
