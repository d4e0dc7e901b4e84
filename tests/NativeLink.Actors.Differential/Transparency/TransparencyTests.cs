using NativeLink.Actors.Differential.Running;
using Xunit.Abstractions;

namespace NativeLink.Actors.Differential.Transparency;

/// <summary>
/// The share that every test run takes: each program with
/// one of the materialisers; the command has the whole.
/// </summary>
public sealed class TransparencyTests(ITestOutputHelper output)
{
    public static TheoryData<string> Materialisers => [.. Matrix.Materialisers];

    [SkippableTheory]
    [MemberData(nameof(Materialisers))]
    public async Task A_program_sees_as_an_action_what_it_sees_in_a_plain_directory(string materialiser)
    {
        var index = Matrix.Materialisers.ToList().IndexOf(materialiser);
        var share = Programs.All.Where((_, number) => number % Matrix.Materialisers.Count == index).ToList();
        var cell = await new TransparencyRun(share).RunAsync(materialiser);
        output.WriteLine($"{materialiser}: {cell.Same} the same, {cell.Intended} intended differences");
        foreach (var program in cell.Skipped) output.WriteLine($"skipped {program}");
        Skip.If(cell.NotRun is not null, $"no {materialiser} here: {cell.NotRun}");
        Assert.True(cell.Faults.Count == 0, string.Join("\n", cell.Faults));
        Assert.True(cell.Same > 0);
    }

    [Fact]
    public void Each_intended_difference_stands_in_the_table_and_each_row_of_the_table_is_checked()
    {
        var rows = Table().ToList();
        Assert.NotEmpty(rows);
        Assert.All(IntendedDifference.All,
            difference => Assert.Contains(rows, row => row.StartsWith(difference.Row, StringComparison.Ordinal)));
        Assert.All(
            rows, row => Assert.Contains(IntendedDifference.All,
                difference => row.StartsWith(difference.Row, StringComparison.Ordinal)));
        Assert.All(IntendedDifference.All,
            difference => Assert.Contains(Programs.All, program => program.Name == difference.Program));
    }

    private static IEnumerable<string> Table()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "NativeLink.Actors.sln"))) directory = Path.GetDirectoryName(
            directory)!;
        return File.ReadLines(Path.Combine(directory, "README.md"))
            .SkipWhile(static line => line != "## What an action sees").Skip(1)
            .TakeWhile(static line => !line.StartsWith("## ", StringComparison.Ordinal))
            .Where(static line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(1)
            .Select(static line => line[2..]);
    }
}
