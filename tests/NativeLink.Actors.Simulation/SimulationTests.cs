using System.Diagnostics;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;
using Xunit.Abstractions;

namespace NativeLink.Actors.Simulation;

/// <summary>
/// The same seed gives the same trace, through actors, streams and ports; and whatever the seed, what the checkers look
/// at holds.
/// </summary>
public sealed class SimulationTests(ITestOutputHelper output)
{
    private const int Seed = 1;
    private static readonly Lazy<SimulationRun> One = new(static () => SimulationRun.Run(new RunOptions(Seed)));

    [Fact]
    public void The_same_seed_gives_the_same_trace_and_another_seed_another()
    {
        var again = SimulationRun.Run(new RunOptions(Seed));
        var other = SimulationRun.Run(new RunOptions(Seed + 1));

        Assert.Equal(One.Value.World.Trace.Count, again.World.Trace.Count);
        Assert.Equal(One.Value.World.Trace.Sha256, again.World.Trace.Sha256);
        Assert.NotEqual(One.Value.World.Trace.Sha256, other.World.Trace.Sha256);
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_trace_in_another_process()
    {
        var dotnet = Environment.ProcessPath is { } path && Path.GetFileName(path) == "dotnet" ? path : "dotnet";
        var start = new ProcessStartInfo(dotnet, [typeof(SimulationTests).Assembly.Location, "--replay", $"{Seed}"])
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var printed = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();

        Assert.EndsWith(One.Value.World.Trace.Sha256, printed.Trim(), StringComparison.Ordinal);
    }

    [Fact]
    public void Twenty_seeds_with_every_kind_of_fault_come_to_their_ends_and_nothing_is_violated()
    {
        var struck = new Dictionary<SimFault, int>();
        for (var seed = Seed; seed < Seed + 20; seed++)
        {
            var simulation = SimulationRun.Run(new RunOptions(seed));
            output.WriteLine($"seed {seed}: {simulation.World.Trace.Count} lines, "
                + $"{simulation.Count(SimOutcome.Succeeded)} succeeded, {simulation.Scheduler.Retries} retries");
            AssertSound(simulation);
            Assert.Equal(simulation.Options.Operations, simulation.Scheduler.DoneCount);
            Assert.InRange(simulation.Count(SimOutcome.Succeeded), 40, simulation.Options.Operations);
            foreach (var (kind, count) in simulation.World.Faults.Struck)
                struck[kind] = struck.GetValueOrDefault(kind) + count;
        }
        Assert.DoesNotContain(struck, static pair => pair.Value == 0 && !SimFaults.OfCluster.Contains(pair.Key));
    }

    [Theory]
    [MemberData(nameof(Regressions))]
    public void A_seed_that_once_found_something_finds_it_no_more(int seed) =>
        AssertSound(SimulationRun.Run(new RunOptions(seed)));

    public static TheoryData<int> Regressions =>
    [
        .. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "seeds.txt"))
            .Select(static line => line.Split('#')[0].Trim()).Where(static line => line.Length > 0)
            .Select(static line => int.Parse(line, System.Globalization.CultureInfo.InvariantCulture)),
    ];

    internal static void AssertSound(SimulationRun simulation)
    {
        Assert.True(simulation.World.Violations.Count == 0,
            $"seed {simulation.Options.Seed}: {string.Join('\n', simulation.World.Violations)}");
        Assert.Empty(simulation.World.Trace.Strays);
    }
}
