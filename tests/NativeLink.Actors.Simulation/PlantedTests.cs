using NativeLink.Actors.Simulation.Running;
using Xunit.Abstractions;

namespace NativeLink.Actors.Simulation;

/// <summary>A fault of ours is found within 200 seeds, wherever it is put in.</summary>
public sealed class PlantedTests(ITestOutputHelper output)
{
    private const int MostSeeds = 200;

    [Theory]
    [InlineData(nameof(Planted.LostReply), "has no answer")]
    [InlineData(nameof(Planted.DoubledResult), "a second result")]
    [InlineData(nameof(Planted.LeakedLease), "leases left")]
    [InlineData(nameof(Planted.UnendedProcess), "still runs")]
    [InlineData(nameof(Planted.MissedKeepAlive), "no keep-alive")]
    [InlineData(nameof(Planted.NamedByOperation), "/attempts/op-")]
    [InlineData(nameof(Planted.KillHeardBySibling), "nobody asked for it")]
    [InlineData(nameof(Planted.AdoptedByDying), "it was not killed")]
    [InlineData(nameof(Planted.ResultOfOldStream), "never given")]
    public void What_was_planted_is_found(string planted, string says) => Find(planted, says, isLocal: false);

    [Theory]
    [InlineData(nameof(Planted.ForgottenWaiter), "waits for 15 minutes")]
    [InlineData(nameof(Planted.UnmatchedWorker), "could run it")]
    [InlineData(nameof(Planted.UnsharedTurns), "is given more")]
    public void What_was_planted_at_the_local_scheduler_is_found(string planted, string says) =>
        Find(planted, says, isLocal: true);

    private void Find(string planted, string says, bool isLocal)
    {
        for (var seed = 1; seed <= MostSeeds; seed++)
        {
            var options = new RunOptions(seed)
            {
                Operations = 100,
                // An operation has to run at two workers of one host, and one of them to be told to end.
                Workers = 3,
                Faults = planted == nameof(Planted.KillHeardBySibling) ? 4 : 1,
                Local = isLocal,
                Planted = Enum.Parse<Planted>(planted),
            };
            var simulation = SimulationRun.Run(options);
            if (simulation.World.Violations.FirstOrDefault(
                violation => violation.Contains(says, StringComparison.Ordinal)) is not { } found)
                continue;
            output.WriteLine($"seed {seed}: {found}");
            SimulationTests.AssertSound(SimulationRun.Run(options with { Planted = Planted.None }));
            return;
        }
        Assert.Fail($"{planted} was not found in {MostSeeds} seeds");
    }
}
