using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;
using Xunit.Abstractions;

namespace NativeLink.Actors.Simulation;

/// <summary>
/// The local cluster's own scheduler in the same world: its clients have their answers, its workers their work and each
/// client its turn, whatever goes wrong.
/// </summary>
public sealed class LocalSchedulerTests(ITestOutputHelper output)
{
    private const int Seeds = 12;

    [Fact]
    public void The_local_scheduler_gives_the_same_trace_for_the_same_seed()
    {
        var once = SimulationRun.Run(new RunOptions(1) { Local = true });
        var again = SimulationRun.Run(new RunOptions(1) { Local = true });
        var other = SimulationRun.Run(new RunOptions(2) { Local = true });

        Assert.Equal(once.World.Trace.Sha256, again.World.Trace.Sha256);
        Assert.NotEqual(once.World.Trace.Sha256, other.World.Trace.Sha256);
    }

    [Fact]
    public void Clients_that_cancel_go_and_join_have_answers_and_nothing_is_violated()
    {
        var struck = new Dictionary<SimFault, int>();
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var simulation = SimulationRun.Run(new RunOptions(seed) { Local = true });
            output.WriteLine($"seed {seed}: {simulation.World.Trace.Count} lines, "
                + $"{simulation.Count(SimOutcome.Succeeded)} succeeded, {simulation.Scheduler.Retries} retries");
            SimulationTests.AssertSound(simulation);
            Assert.Equal(simulation.Options.Operations, simulation.Scheduler.DoneCount);
            Assert.InRange(simulation.Count(SimOutcome.Succeeded), 40, simulation.Options.Operations);
            foreach (var (kind, count) in simulation.World.Faults.Struck)
                struck[kind] = struck.GetValueOrDefault(kind) + count;
        }
        Assert.DoesNotContain(struck, static pair => pair.Value == 0 && !SimFaults.OfRules.Contains(pair.Key));
    }
}
