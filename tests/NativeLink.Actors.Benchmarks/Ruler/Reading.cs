using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Ruler;

/// <summary>One figure of one pass.</summary>
internal sealed record Reading(string What, string Unit, double Value)
{
    /// <summary>What the bare system calls took in the same pass; null where there is no such thing.</summary>
    public double? Floor { get; init; }

    public bool MoreIsBetter { get; init; }
}

/// <summary>A part of the set: one pass of a build gives its figures.</summary>
/// <param name="Name">The word on the command line.</param>
internal sealed record Gauge(string Name, Func<BenchContext, Task<IReadOnlyList<Reading>>> ReadAsync);
