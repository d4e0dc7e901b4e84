using System.Globalization;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Running;

/// <summary>Runs of several seeds, and what they came to.</summary>
internal static class SeedRuns
{
    /// <returns>0 when nothing was found, else 1.</returns>
    public static int Run(RunOptions options, int from, int to, TextWriter output)
    {
        var (failed, operations, retries) = (new List<int>(), 0L, 0L);
        var (real, virtually) = (TimeSpan.Zero, TimeSpan.Zero);
        var struck = new SortedDictionary<SimFault, long>();
        var outcomes = new SortedDictionary<SimOutcome, long>();
        for (var seed = from; seed <= to; seed++)
        {
            var simulation = SimulationRun.Run(options with { Seed = seed });
            if (!simulation.Sound)
            {
                failed.Add(seed);
                Tell(simulation, output);
            }
            operations += simulation.Scheduler.Operations.Count;
            retries += simulation.Scheduler.Retries;
            (real, virtually) = (real + simulation.Took, virtually + simulation.Virtual);
            foreach (var (kind, count) in simulation.World.Faults.Struck)
                struck[kind] = struck.GetValueOrDefault(kind) + count;
            foreach (var outcome in Enum.GetValues<SimOutcome>())
                outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + simulation.Count(outcome);
        }
        output.WriteLine($"seeds {from}..{to}: {operations} operations ({Join(outcomes)}), {retries} retries");
        output.WriteLine($"faults: {Join(struck)}");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"virtual time {virtually.TotalHours:0.0} h, real time {real.TotalSeconds:0.0} s"));
        output.WriteLine(failed.Count == 0
            ? "no violation"
            : $"violations with {failed.Count} seeds: {string.Join(' ', failed)}");
        return failed.Count == 0 ? 0 : 1;
    }

    /// <summary>One seed; if it fails, also the smallest run that does.</summary>
    public static int Replay(RunOptions options, TextWriter output)
    {
        var simulation = SimulationRun.Run(options);
        output.WriteLine(
            $"seed {options.Seed}: {simulation.World.Trace.Count} lines, {Join(simulation.World.Faults.Struck)}, "
            + $"trace {simulation.World.Trace.Sha256}");
        if (simulation.Sound)
            return 0;
        Tell(simulation, output);
        var smallest = Shrinking.Shrink(options with { TraceFile = null },
            step => output.WriteLine($"still fails with {step}"));
        var again = SimulationRun.Run(smallest with { TraceFile = options.TraceFile });
        output.WriteLine($"smallest: {smallest.Operations} operations, {Join(again.World.Faults.Struck)}");
        Tell(again, output);
        return 1;
    }

    private static void Tell(SimulationRun simulation, TextWriter output)
    {
        foreach (var violation in simulation.World.Violations.Take(5))
            output.WriteLine($"seed {simulation.Options.Seed}: {violation}");
        foreach (var stray in simulation.World.Trace.Strays.Take(2))
            output.WriteLine($"seed {simulation.Options.Seed}: on another thread: {stray}");
    }

    private static string Join<T>(IEnumerable<KeyValuePair<T, long>> counts) =>
        string.Join(", ", counts.Where(static count => count.Value > 0)
            .Select(static count => $"{count.Key} {count.Value}"));

    private static string Join<T>(IEnumerable<KeyValuePair<T, int>> counts) =>
        Join(counts.Select(static count => new KeyValuePair<T, long>(count.Key, count.Value)));
}
