using System.Globalization;

namespace NativeLink.Actors.Fuzz;

/// <summary>The first cases of each target; the command goes on for as long as it is told to.</summary>
public sealed class FuzzTests
{
    /// <summary>That of every run; NLA_TEST_SEED names another one instead.</summary>
    private static readonly int Seed = int.Parse(
        Environment.GetEnvironmentVariable("NLA_TEST_SEED") ?? "1", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData("directory", 40)]
    [InlineData("action", 80)]
    [InlineData("command", 80)]
    [InlineData("update", 60)]
    [InlineData("config", 400)]
    [InlineData("tree", 200)]
    public async Task Random_and_mutated_input_is_answered_once_and_changes_nothing_outside_of_its_directory(
        string target, int cases)
    {
        var report = await FuzzRun.RunAsync(target, Seed, 0, cases, TimeSpan.FromHours(1));
        Assert.Empty(report.Findings);
        Assert.Equal(cases, report.Cases);
    }
}
