using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>Milliseconds of an action's stages, by the worker's own timestamps.</summary>
internal readonly record struct Stages(double Fetch, double Run, double Upload)
{
    public static Stages Of(Reapi.ActionResult result)
    {
        var stamps = result.ExecutionMetadata;
        return new Stages(
            Between(stamps.InputFetchStartTimestamp, stamps.InputFetchCompletedTimestamp),
            Between(stamps.ExecutionStartTimestamp, stamps.ExecutionCompletedTimestamp),
            Between(stamps.OutputUploadStartTimestamp, stamps.OutputUploadCompletedTimestamp));
    }

    /// <summary>The median of each stage.</summary>
    public static string Medians(IReadOnlyCollection<Stages> all)
    {
        double Of(Func<Stages, double> stage) => all.Select(stage).Order().ElementAt(all.Count / 2);
        return string.Create(CultureInfo.InvariantCulture,
            $"fetch {Of(s => s.Fetch):0.00}, run {Of(s => s.Run):0.00}, upload {Of(s => s.Upload):0.00}");
    }

    private static double Between(Timestamp from, Timestamp to) => (to - from).ToTimeSpan().TotalMilliseconds;
}
