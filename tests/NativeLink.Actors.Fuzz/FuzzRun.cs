using System.Diagnostics;
using NativeLink.Actors.Fuzz.Making;
using NativeLink.Actors.Fuzz.Targets;

namespace NativeLink.Actors.Fuzz;

/// <summary>What came of a run of one target.</summary>
internal sealed record FuzzReport(string Target, int Cases, IReadOnlyList<string> Findings);

/// <summary>Cases of one target, by their numbers, until the time is over or enough is found.</summary>
internal static class FuzzRun
{
    public static readonly IReadOnlyList<string> Targets = ["directory", "action", "command", "update", "config",
        "tree"];

    private const int RoundsBetweenChecks = 10;
    private const int EnoughFindings = 10;

    /// <param name="first">The number of the first case.</param>
    /// <param name="most">Cases at most.</param>
    public static async Task<FuzzReport> RunAsync(string name, int seed, int first, int most, TimeSpan time)
    {
        await using var target = await OpenAsync(name);
        var (started, findings, next, end) = (Stopwatch.GetTimestamp(), new List<string>(), first, first + most);
        while (next < end && Stopwatch.GetElapsedTime(started) < time && findings.Count < EnoughFindings)
        {
            var from = next;
            for (var round = 0; round < RoundsBetweenChecks && next < end; round++)
            {
                var batch = Enumerable.Range(next, Math.Min(target.AtOnce, end - next)).ToList();
                next += batch.Count;
                var found = await Task.WhenAll(
                    batch.Select(
                        async number => (Number: number, Problems: await target.RunAsync(new Draw(seed, number)))));
                findings.AddRange(
                    found.SelectMany(
                        one => one.Problems.Select(problem => $"{name}, seed {seed}, case {one.Number}: {problem}")));
            }
            findings.AddRange((await target.CheckAsync()).Select(
                problem => $"{name}, seed {seed}, one of the cases {from} to {next - 1}: {problem}"));
        }
        return new FuzzReport(name, next - first, findings);
    }

    private static async Task<IFuzzTarget> OpenAsync(string name)
    {
        switch (name)
        {
            case "config":
                return new ConfigTarget();
            case "tree":
                var tree = new TreeTarget();
                await tree.StartAsync();
                return tree;
            default:
                WorkerTarget target = name switch
                {
                    "directory" => new DirectoryTarget(),
                    "action" => new ActionTarget(),
                    "command" => new CommandTarget(),
                    "update" => new UpdateTarget(),
                    _ => throw new ArgumentException(
                        $"there is no target '{name}'; there are {string.Join(", ", Targets)}", nameof(name)),
                };
                await target.StartAsync();
                return target;
        }
    }
}
