using Google.Protobuf.WellKnownTypes;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>How long an action may run (protos/README.md 4.2, step 3).</summary>
/// <param name="Limit">This worker's own timer.</param>
/// <param name="Wanted">What the action asked for, the maximum when it asked for nothing; told to
/// wrappers as <c>timeout_millis</c>.</param>
internal readonly record struct ActionTimeout(TimeSpan Limit, TimeSpan Wanted)
{
    /// <exception cref="FaultException">Action: negative, malformed,
    /// or greater than the maximum; names both.</exception>
    public static ActionTimeout Choose(Duration? wanted, TimeSpan maximum, bool handledExternally)
    {
        if (wanted is null or { Seconds: 0, Nanos: 0 })
            return new ActionTimeout(maximum, maximum);
        if (wanted.Seconds < 0 || wanted.Nanos < 0)
            throw new FaultException(
                FaultKind.Action,
                $"the action's timeout of {Text(wanted)} is negative; " +
                $"leave it out for the worker's maximum of {MessageText.Seconds(maximum)}");
        // google.protobuf.Duration: at most 315 576 000 000 s, about ten thousand years, and nanos below one second.
        if (wanted.Seconds > 315_576_000_000 || wanted.Nanos > 999_999_999)
            throw new FaultException(FaultKind.Action,
                $"the action's timeout of {Text(wanted)} is out of range; " +
                $"the worker's maximum is {MessageText.Seconds(maximum)}");
        var time = wanted.ToTimeSpan();
        if (handledExternally)
            return new ActionTimeout(maximum, time);
        return time <= maximum
            ? new ActionTimeout(time, time)
            : throw new FaultException(FaultKind.Action,
                $"the action's timeout of {Text(wanted)} is greater than " +
                $"this worker's maximum of {MessageText.Seconds(maximum)}");
    }

    private static string Text(Duration time) =>
        FormattableString.Invariant($"{time.Seconds + (time.Nanos / 1e9):0.###} s");
}
