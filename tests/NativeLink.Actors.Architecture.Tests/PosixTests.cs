using System.Text.RegularExpressions;

namespace NativeLink.Actors.Architecture.Tests;

/// <summary>
/// The C library is called from <c>Posix</c> alone,
/// and each of its functions is declared there once.
/// </summary>
public sealed partial class PosixTests
{
    private const string Room = "src/NativeLink.Actors.Posix/";

    /// <summary>Functions that are declared more than once, each with the reason.</summary>
    private static readonly Dictionary<string, string> Reasons = [];

    private static readonly (string Path, string Text)[] Sources =
    [
        .. Repository.SourceFiles.Where(path => path.StartsWith("src/", StringComparison.Ordinal))
            .Select(path => (path, File.ReadAllText(Path.Combine(Repository.Root, path)))),
    ];

    [Fact]
    public void Only_one_room_calls_the_system() => Assert.Empty(Outside(Sources));

    [Fact]
    public void Each_function_of_the_system_is_declared_once()
    {
        Assert.True(Entries(Sources).Count > 50);
        Assert.Empty(Twice(Sources).Except(Reasons.Keys));
    }

    [Fact]
    public void No_reason_is_left_for_what_is_declared_once() => Assert.Empty(Reasons.Keys.Except(Twice(Sources)));

    [Fact]
    public void Each_declaration_names_its_function() =>
        Assert.Equal(Sources.Sum(file => Declarations().Count(file.Text)), Entries(Sources).Count);

    [Theory]
    [InlineData("""[LibraryImport("libc", EntryPoint = "sync")]""")]
    [InlineData("""[System.Runtime.InteropServices.DllImportAttribute("libc")]""")]
    [InlineData("""NativeLibrary.GetExport(library, "sync")""")]
    public void A_call_from_another_room_would_be_found(string code) =>
        Assert.Equal(["src/NativeLink.Actors.Worker/New.cs"],
            Outside([.. Sources, ("src/NativeLink.Actors.Worker/New.cs", code)]));

    [Fact]
    public void A_second_declaration_would_be_found() =>
        Assert.Equal(
            ["close"], Twice([.. Sources, (Room + "New.cs", """[LibraryImport(Library, EntryPoint = "close")]""")])
                .Except(Reasons.Keys));

    private static IEnumerable<string> Outside(IEnumerable<(string Path, string Text)> sources) =>
        sources.Where(file => !file.Path.StartsWith(Room, StringComparison.Ordinal))
            .Where(file => Declarations().IsMatch(file.Text)
                || file.Text.Contains("NativeLibrary.", StringComparison.Ordinal))
            .Select(file => file.Path);

    private static IEnumerable<string> Twice(IEnumerable<(string Path, string Text)> sources) =>
        Entries(sources).GroupBy(name => name).Where(group => group.Count() > 1).Select(group => group.Key);

    private static List<string> Entries(IEnumerable<(string Path, string Text)> sources) =>
        [.. sources.SelectMany(file => EntryPoints().Matches(file.Text).Select(match => match.Groups[1].Value))];

    [GeneratedRegex(@"\b(?:LibraryImport|DllImport)(?:Attribute)?\s*\(")]
    private static partial Regex Declarations();

    [GeneratedRegex(@"\b(?:LibraryImport|DllImport)(?:Attribute)?\s*\([^\]]*?\bEntryPoint\s*=\s*""(\w+)""")]
    private static partial Regex EntryPoints();
}
