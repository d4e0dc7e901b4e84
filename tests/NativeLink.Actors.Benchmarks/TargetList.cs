using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Benchmarks.Targets;

namespace NativeLink.Actors.Benchmarks;

/// <summary>Measures one target and says what it found.</summary>
internal delegate Task<IReadOnlyList<Finding>> Measure(BenchContext context);

/// <summary>The measurement cannot be made here; the message says what is missing.</summary>
internal sealed class CannotMeasureException(string reason) : Exception(reason);

internal static class TargetList
{
    public static readonly IReadOnlyList<(string Name, Measure Measure)> All =
    [
        ("T1", WarmNoOp.MeasureAsync),
        ("T2", NoOpRate.MeasureAsync),
        ("T3", CachedRoot.MeasureAsync),
        ("T4", ChangedRoot.MeasureAsync),
        ("T5", ColdTree.MeasureAsync),
        ("T6", BigBlob.MeasureAsync),
        ("T7", Memory.MeasureAsync),
        ("T8", StartUp.MeasureAsync),
        ("T9", IdleWorkers.MeasureAsync),
        ("T10", BazelRates.MeasureAsync),
        ("T11", BlackBoxBench.MeasureAsync),
        ("T12", DelayedSockets.MeasureAsync),
    ];
}
