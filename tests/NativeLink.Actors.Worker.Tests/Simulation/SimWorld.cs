using System.Globalization;

namespace NativeLink.Actors.Worker.Tests.Simulation;

/// <summary>
/// What the simulated ports share: one clock, one seed for every draw, one trace, one disk, and what was found wrong.
/// </summary>
internal sealed class SimWorld(SimTime time, Random random, SimTrace trace)
{
    public SimTime Time => time;

    public Random Random => random;

    public SimTrace Trace => trace;

    public SimDisk Disk { get; } = new(random);

    /// <summary>Invariants that did not hold.</summary>
    public List<string> Wrong { get; } = [];

    public bool Chance(double share) => random.NextDouble() < share;

    /// <summary>Some milliseconds of virtual time.</summary>
    public TimeSpan Some(int least, int most) => TimeSpan.FromMilliseconds(random.Next(least, most + 1));

    public Task DelayAsync(int least, int most, CancellationToken cancellation) =>
        time.DelayAsync(Some(least, most), cancellation);

    public static string Short(in Digest digest) =>
        string.Create(CultureInfo.InvariantCulture, $"{digest.Hash[..8]}/{digest.SizeBytes}");
}
