using System.Diagnostics;
using System.Globalization;
using Xunit.Abstractions;

namespace NativeLink.Actors.Worker.Tests.Simulation;

/// <summary>
/// The same seed gives the same trace, through actors, streams and ports; and whatever the seed, every operation has
/// exactly one answer.
/// </summary>
public sealed class SimulationTests(ITestOutputHelper output)
{
    private const int Seed = 1;
    private static readonly Lazy<Simulation> One = new(static () => Simulation.Run(Seed));

    [Fact]
    public void The_same_seed_gives_the_same_trace_and_another_seed_another()
    {
        var (one, again, other) = (Sound(One.Value), Sound(Simulation.Run(Seed)), Sound(Simulation.Run(Seed + 1)));

        AssertSame(one.World.Trace.Lines, again.World.Trace.Lines);
        Assert.NotEqual(one.World.Trace.Sha256, other.World.Trace.Sha256);
        Assert.True(one.Streamed > 0, "no blob went through a stream");
        Assert.True(one.Scheduler.Killed > 10, "hardly any operation was killed");
        Assert.True(one.Store.Evicted > 0, "nothing was evicted");
        Assert.InRange(one.Scheduler.Succeeded, 80, 199);
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_trace_in_another_process()
    {
        var expected = Sound(One.Value).World.Trace.Sha256;
        var dotnet = Environment.ProcessPath is { } path && Path.GetFileName(path) == "dotnet" ? path : "dotnet";
        var start = new ProcessStartInfo(
            dotnet, [typeof(Simulation).Assembly.Location, "simulate", Seed.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var printed = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();

        Assert.Equal(expected, printed.Trim());
    }

    /// <summary>Nothing was found wrong, and nothing came on another thread.</summary>
    private Simulation Sound(Simulation simulation)
    {
        output.WriteLine($"seed {simulation.Seed}: {simulation.World.Trace.Lines.Count} lines, "
            + $"{simulation.Scheduler.Succeeded} succeeded, {simulation.Scheduler.Killed} killed, " +
            $"{simulation.Streamed} pieces, {simulation.Store.Evicted} evicted, {simulation.World.Trace.Sha256}");
        Assert.Empty(simulation.World.Wrong);
        Assert.Empty(simulation.World.Trace.Strays);
        return simulation;
    }

    private static void AssertSame(IReadOnlyList<string> one, IReadOnlyList<string> other)
    {
        for (var i = 0; i < Math.Min(one.Count, other.Count); i++)
            Assert.True(one[i] == other[i], $"line {i}: {one[i]}\nand     : {other[i]}");
        Assert.Equal(one.Count, other.Count);
    }
}
