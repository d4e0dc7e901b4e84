using NativeLink.Actors.Differential.Running;
using Xunit.Abstractions;

namespace NativeLink.Actors.Differential;

/// <summary>The seeded share of the matrix that every test run takes; the command has the whole.</summary>
public sealed class DifferentialTests(
    DifferentialTests.SharedMatrix shared, ITestOutputHelper output) : IClassFixture<DifferentialTests.SharedMatrix>
{
    private const int Actions = 50;

    public static TheoryData<string> Materialisers => [.. Matrix.Materialisers];

    [SkippableTheory]
    [MemberData(nameof(Materialisers))]
    public async Task The_same_actions_give_the_expected_results_and_their_outputs_come_back_as_they_were(
        string materialiser)
    {
        output.WriteLine($"seed {SharedMatrix.Seed}; another: NLA_TEST_SEED");
        var cells = await shared.Matrix.RunAsync(materialiser);
        foreach (var cell in cells)
            output.WriteLine(
                $"{cell.Materialiser} {cell.Function}: " +
                $"{cell.NotRun ?? $"{cell.Actions} actions, {cell.RoundTrips} round trips"}");
        Assert.Empty(cells.SelectMany(cell => cell.Differences));
        // These two work wherever a worker works; the others where the kernel and the file system let them.
        Skip.If(materialiser is not ("copy" or "hardlink") && cells[0].NotRun is not null,
            $"no {materialiser} here: {cells[0].NotRun}");
        Assert.DoesNotContain(cells, cell => cell.NotRun is not null || cell.RoundTrips == 0);
    }

    /// <summary>One for all materialisers: each one's results are compared with those of the first.</summary>
    public sealed class SharedMatrix
    {
        internal static int Seed { get; } = int.Parse(Environment.GetEnvironmentVariable("NLA_TEST_SEED") ?? "1",
            System.Globalization.CultureInfo.InvariantCulture);

        internal Matrix Matrix { get; } = new(Seed, Actions);
    }
}
