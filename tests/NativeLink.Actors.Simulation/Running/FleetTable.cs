using System.Globalization;
using NativeLink.Actors.Simulation.Scheduling;

namespace NativeLink.Actors.Simulation.Running;

/// <summary>A fleet at one rate of faults: how well it is used, how long operations wait, what is retried.</summary>
/// <param name="Rate">What the usual chances of faults are multiplied by.</param>
/// <param name="Waits">From being asked for to being given to a worker the first time, in seconds; ascending.</param>
/// <param name="RetriesPerHundred">Attempts that were lost, of a hundred operations.</param>
/// <param name="Use">Of the slots, the share that ran a process while there was work.</param>
internal sealed record FleetRow(double Rate, IReadOnlyList<double> Waits, double RetriesPerHundred, double Use)
{
    public double Median => At(0.5);

    public double NinetyFifth => At(0.95);

    public double Longest => Waits.Count == 0 ? 0 : Waits[^1];

    private double At(double share) =>
        Waits.Count == 0 ? 0 : Waits[Math.Min(Waits.Count - 1, (int)(Waits.Count * share))];
}

/// <summary>A fleet at several rates of faults, as a table and as a plot.</summary>
internal static class FleetTable
{
    private static readonly double[] Rates = [0, 0.5, 1, 2, 4];

    /// <param name="plot">An SVG file to write; null: none.</param>
    /// <returns>0 when nothing was found wrong, else 1.</returns>
    public static int Run(RunOptions options, string? plot, TextWriter output)
    {
        var told = new (FleetRow Row, string Line, IReadOnlyList<string> Violations)[Rates.Length];
        // Two at once: a fleet takes one core, and some gigabytes.
        Parallel.For(0, Rates.Length, new ParallelOptions { MaxDegreeOfParallelism = 2 },
            i => told[i] = Tell(options, Rates[i]));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{options.Workers} workers, {options.Operations} operations; wait: until a worker is given it\n"));
        output.WriteLine("| faults × | succeeded | retries | wait median s | wait p95 s | wait max s | use | "
            + "virtual s | real s |");
        output.WriteLine("|---|---|---|---|---|---|---|---|---|");
        foreach (var (_, line, violations) in told)
        {
            output.WriteLine(line);
            foreach (var violation in violations)
                output.WriteLine(violation);
        }
        IReadOnlyList<FleetRow> rows = [.. told.Select(static rate => rate.Row)];
        if (plot is not null)
            File.WriteAllText(plot, FleetPlot.Draw(rows, string.Create(CultureInfo.InvariantCulture,
                $"{options.Workers} simulated workers, {options.Operations} operations, by the rate of faults")));
        return told.All(static rate => rate.Violations.Count == 0) ? 0 : 1;
    }

    private static (FleetRow Row, string Line, IReadOnlyList<string> Violations) Tell(RunOptions options, double rate)
    {
        var simulation = SimulationRun.Run(options with { Seed = 1, Faults = rate });
        var row = RowOf(simulation);
        return (row, string.Create(CultureInfo.InvariantCulture,
            $"| {rate} | {simulation.Count(SimOutcome.Succeeded)} | {simulation.Scheduler.Retries} | " +
            $"{row.Median:0.000} | {row.NinetyFifth:0.000} | {row.Longest:0.0} | {row.Use:P0} | " +
            $"{simulation.Working.TotalSeconds:0} | {simulation.Took.TotalSeconds:0.0} |"),
            simulation.World.Violations);
    }

    private static FleetRow RowOf(SimulationRun simulation) => new(
        simulation.Options.Faults,
        [
            .. simulation.Scheduler.Operations.Where(static operation => operation.Given is not null)
                .Select(static operation => (operation.Given!.Value - operation.Since).TotalSeconds).Order(),
        ],
        100.0 * simulation.Scheduler.Retries / simulation.Options.Operations, simulation.Use);
}
