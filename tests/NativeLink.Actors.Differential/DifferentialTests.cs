using NativeLink.Actors.Differential.Running;
using Xunit.Abstractions;

namespace NativeLink.Actors.Differential;

/// <summary>The seeded share of the matrix that every test run takes; the command has the whole.</summary>
public sealed class DifferentialTests(ITestOutputHelper output)
{
    private const int Seed = 1;
    private const int Actions = 50;

    [Fact]
    public async Task The_same_actions_give_the_expected_results_with_each_materialiser_and_each_digest_function_and_their_outputs_come_back_as_they_were()
    {
        var matrix = new Matrix(Seed, Actions);
        var cells = new List<MatrixCell>();
        foreach (var materialiser in Matrix.Materialisers)
            cells.AddRange(await matrix.RunAsync(materialiser));
        foreach (var cell in cells)
            output.WriteLine($"{cell.Materialiser} {cell.Function}: {cell.NotRun ?? $"{cell.Actions} actions, {cell.RoundTrips} round trips"}");
        Assert.Empty(cells.SelectMany(cell => cell.Differences));
        // These two work wherever a worker works; the others where the kernel and the file system let them, as the output says.
        Assert.DoesNotContain(cells, cell => cell.Materialiser is "copy" or "hardlink" && (cell.NotRun is not null || cell.RoundTrips == 0));
    }
}
