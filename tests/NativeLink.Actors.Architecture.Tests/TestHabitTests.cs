using System.Text.RegularExpressions;

namespace NativeLink.Actors.Architecture.Tests;

/// <summary>Habits of the tests themselves: what makes them readable, tidy and the same on a slow machine.</summary>
public sealed partial class TestHabitTests
{
    private const int MostLetters = 100;

    /// <summary>The measurements are no tests: their places and pauses are part of what they measure.</summary>
    private const string Measurements = "tests/NativeLink.Actors.Benchmarks/";
    private const string Testing = "tests/NativeLink.Actors.Testing/";

    /// <summary>Where real time has to pass, each with its reason beside it.</summary>
    private static readonly string[] Pauses =
    [
        "tests/NativeLink.Actors.Worker.Tests/Hosting/AttemptStormTests.cs",
    ];

    private static readonly IReadOnlyList<(string Path, string Text)> Tests =
    [
        .. Repository.SourceFiles
            .Where(path => path.StartsWith("tests/", StringComparison.Ordinal)
                && Path.GetFileName(path) != "TestHabitTests.cs")
            .Select(path => (path, File.ReadAllText(Path.Combine(Repository.Root, path)))),
    ];

    private static readonly IReadOnlyList<string> NamesOfTests =
        [.. Tests.SelectMany(file => Names().Matches(file.Text)).Select(match => match.Groups[1].Value)];

    [Fact]
    public void The_name_of_a_test_has_at_most_a_hundred_letters()
    {
        Assert.True(NamesOfTests.Count > 1000, $"{NamesOfTests.Count} names");
        Assert.DoesNotContain(NamesOfTests, name => name.Length > MostLetters);
    }

    [Fact]
    public void The_name_of_a_test_reads_without_its_numbers()
    {
        var numbered = NamesOfTests.Where(name => Numbers().IsMatch(name))
            .Select(name => Numbers().Replace(name, "").Split('_')).ToList();
        Assert.True(numbered.Count > 100, $"{numbered.Count} names with a number");
        Assert.DoesNotContain(numbered, words => words.Length < 3 || !char.IsAsciiLetterUpper(words[0][0]));
        Assert.DoesNotContain(NamesOfTests, name => name.Split('_')[0] is "It" or "They");
    }

    [Fact]
    public void A_temporary_directory_is_the_one_that_takes_itself_away()
    {
        var making = Tests.Where(file => Directories().IsMatch(file.Text))
            .Where(file => !file.Path.StartsWith(Measurements, StringComparison.Ordinal));
        Assert.Equal([Testing + "TempDirectory.cs"], making.Select(file => file.Path));
    }

    [Fact]
    public void No_test_waits_by_a_clock_of_its_own()
    {
        var waiting = Tests.Where(file => Waits().IsMatch(file.Text))
            .Where(file => file.Path.Contains(".Tests/", StringComparison.Ordinal));
        Assert.Equal(Pauses, waiting.Select(file => file.Path));
    }

    // A method with an attribute of xUnit's above it.
    [GeneratedRegex(
        @"\[(?:Skippable)?(?:Fact|Theory)\b[^\n]*\n(?:[ \t]*\[[^\n]*\n)*" +
        @"[ \t]*public (?:static )?(?:async )?(?:void|Task|ValueTask) (\w+)\(")]
    private static partial Regex Names();

    [GeneratedRegex(@"^(?:NL_[0-9]{3}_)+")]
    private static partial Regex Numbers();

    [GeneratedRegex(@"\b(?:CreateTempSubdirectory|GetTempFileName)\(")]
    private static partial Regex Directories();

    // A delay by a clock that the test holds is none: the clock is its second argument, a field or local of that name.
    [GeneratedRegex(@"\bThread\.Sleep\(|\bTask\.Delay\((?![^;\n]*, _?time\b)")]
    private static partial Regex Waits();
}
