using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Benchmarks.Targets;

namespace NativeLink.Actors.Benchmarks;

/// <summary>Measures one target and says what came out, a line each.</summary>
internal delegate Task<IReadOnlyList<string>> Measure(BenchContext context);

/// <summary>The measurement cannot be made here; the message says what is missing.</summary>
internal sealed class CannotMeasureException(string reason) : Exception(reason);

internal static class TargetList
{
    public static readonly IReadOnlyList<(string Name, Measure Measure)> All =
    [
        ("T2", NoOpRate.MeasureAsync),
        ("T7", Memory.MeasureAsync),
        ("T8", StartUp.MeasureAsync),
        ("T10", BazelRates.MeasureAsync),
    ];

    /// <summary>One line: what, the figure, the target, and whether it holds.</summary>
    public static string Line(string what, string figure, string target, bool holds, string note = "") =>
        $"{what} {figure} target {target} {(holds ? "ok" : "falls-short")}{(note.Length > 0 ? $"  ({note})" : "")}";
}
