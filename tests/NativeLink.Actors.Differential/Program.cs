using System.Globalization;
using NativeLink.Actors.Differential.Running;

namespace NativeLink.Actors.Differential;

/// <summary>
/// The whole matrix as a command: <c>differential [--actions N] [--seed N]</c>, and
/// <c>transparency</c>. The test runner does not come through here.
/// </summary>
public static class Program
{
    public static async Task<int> Main(string[] args)
    {
        if (args is ["transparency", .. var arguments])
            return await Transparency.TransparencyCommand.RunAsync(arguments);
        if (args is not ["differential", .. var rest] || rest.Length % 2 != 0)
        {
            await Console.Error.WriteLineAsync(
                "differential [--actions N] [--seed N]: the same actions with each materialiser and each digest " +
                "function; transparency: see there; the tests run by dotnet test");
            return 2;
        }
        var options = rest.Chunk(2).ToDictionary(pair => pair[0],
            pair => int.Parse(pair[1], CultureInfo.InvariantCulture));
        var (actions, seed) = (options.GetValueOrDefault("--actions", 200), options.GetValueOrDefault("--seed", 1));
        var matrix = new Matrix(seed, actions);
        var different = 0;
        foreach (var materialiser in Matrix.Materialisers)
        {
            foreach (var cell in await matrix.RunAsync(materialiser))
            {
                Console.WriteLine(cell.NotRun is { } why
                    ? $"{cell.Materialiser} {cell.Function}: not run: {why}"
                    : string.Create(CultureInfo.InvariantCulture,
                        $"{cell.Materialiser} {cell.Function}: {cell.Actions} actions, " +
                        $"{cell.RoundTrips} round trips, {cell.Differences.Count} differences, " +
                        $"{cell.Took.TotalSeconds:0.0} s"));
                cell.Differences.ToList().ForEach(Console.WriteLine);
                different += cell.Differences.Count;
            }
        }
        return different == 0 ? 0 : 1;
    }
}
