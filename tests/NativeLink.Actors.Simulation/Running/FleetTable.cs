using System.Globalization;
using NativeLink.Actors.Simulation.Scheduling;

namespace NativeLink.Actors.Simulation.Running;

/// <summary>
/// A fleet at several rates of faults: how well it is
/// used, how long operations wait, how many are retried.
/// </summary>
internal static class FleetTable
{
    private static readonly double[] Rates = [0, 0.5, 1, 2, 4];

    /// <returns>0 when nothing was found wrong, else 1.</returns>
    public static int Run(RunOptions options, TextWriter output)
    {
        output.WriteLine("| faults × | succeeded | retries | wait p50 s | wait p99 s | use | virtual s | real s |");
        output.WriteLine("|---|---|---|---|---|---|---|---|");
        var wrong = 0;
        foreach (var rate in Rates)
        {
            var simulation = SimulationRun.Run(options with { Seed = 1, Faults = rate });
            var waits = simulation.Scheduler.Operations.Where(static operation => operation.Given is not null)
                .Select(static operation => (operation.Given!.Value - operation.Since).TotalSeconds).Order().ToList();
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {rate} | {simulation.Count(SimOutcome.Succeeded)} | {simulation.Scheduler.Retries} | " +
                $"{At(waits, 0.5):0.000} | {At(waits, 0.99):0.000} | {simulation.Use:P0} | " +
                $"{simulation.Working.TotalSeconds:0} | {simulation.Took.TotalSeconds:0.0} |"));
            foreach (var violation in simulation.World.Violations)
            {
                output.WriteLine(violation);
                wrong = 1;
            }
        }
        return wrong;
    }

    private static double At(List<double> sorted, double share) =>
        sorted.Count == 0 ? 0 : sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * share))];
}
