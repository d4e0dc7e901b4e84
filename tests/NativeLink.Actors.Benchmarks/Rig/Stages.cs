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

    private static double Between(Timestamp from, Timestamp to) => (to - from).ToTimeSpan().TotalMilliseconds;
}
