using System.Diagnostics.Metrics;

namespace NativeLink.Actors.Worker.Telemetry;

/// <summary>
/// The worker's instruments, all of meter <c>NativeLink.Actors.Worker</c>.
/// Durations are in seconds, sizes in bytes.
/// </summary>
public static class WorkerMetrics
{
    /// <summary>The meter's name, for who listens to it or exports it.</summary>
    public const string MeterName = "NativeLink.Actors.Worker";

    private static readonly Meter Meter = new(MeterName);

    private static readonly Counter<long> Actions = Meter.CreateCounter<long>(
        "nativelink.worker.actions", "{action}", "Actions answered, by verdict.");

    private static readonly Histogram<double> ActionDuration = Meter.CreateHistogram<double>(
        "nativelink.worker.action.duration", "s", "From the start of an action to its answer, by verdict.");

    private static readonly Histogram<double> StageDuration = Meter.CreateHistogram<double>(
        "nativelink.worker.stage.duration", "s", "Time an action spent in a stage, by stage.");

    private static readonly UpDownCounter<long> Inflight = Meter.CreateUpDownCounter<long>(
        "nativelink.worker.actions.inflight", "{action}", "Actions being worked on now.");

    private static readonly UpDownCounter<long> Waiting = Meter.CreateUpDownCounter<long>(
        "nativelink.worker.actions.waiting", "{action}", "Actions accepted and waiting for a free slot.");

    private static readonly UpDownCounter<long> Connections = Meter.CreateUpDownCounter<long>(
        "nativelink.worker.connected", "{worker}", "Workers registered with their scheduler now.");

    private static readonly UpDownCounter<long> Workers = Meter.CreateUpDownCounter<long>(
        "nativelink.worker.workers", "{worker}", "Workers of this process, by what they do towards their scheduler.");

    private static readonly Histogram<double> KeepAliveGap = Meter.CreateHistogram<double>(
        "nativelink.worker.keepalive.gap", "s", "Time between two keep-alives that the transport has taken.",
        advice: new InstrumentAdvice<double>
        {
            HistogramBucketBoundaries = [0.5, 1, 2, 2.25, 2.4, 2.5, 2.6, 2.75, 3, 3.5, 4, 5, 10],
        });

    private static readonly Counter<long> Connects = Meter.CreateCounter<long>(
        "nativelink.worker.connects", "{attempt}", "Attempts to connect to the scheduler, by outcome.");

    private static readonly UpDownCounter<long> WorkingDirectoryBytes = Meter.CreateUpDownCounter<long>(
        "nativelink.worker.working_directory.size", "By",
        "Bytes of the inputs staged for running actions, and of their logs.");

    private static readonly Counter<long> InputRoots = Meter.CreateCounter<long>(
        "nativelink.worker.input_roots", "{root}",
        "Input roots made, by materialiser and by whether the whole tree was cached.");

    internal static void RecordInputRoot(string materialiser, bool cached) =>
        InputRoots.Add(1, new("materialiser", materialiser), new KeyValuePair<string, object?>("cached", cached));

    internal static void RecordAction(string resultKind, TimeSpan took)
    {
        var tag = new KeyValuePair<string, object?>("verdict", resultKind);
        Actions.Add(1, tag);
        ActionDuration.Record(took.TotalSeconds, tag);
    }

    internal static void RecordStage(string stage, TimeSpan took) =>
        StageDuration.Record(took.TotalSeconds, new KeyValuePair<string, object?>("stage", stage));

    internal static void ChangeInflight(int by) => Inflight.Add(by);

    internal static void ChangeWaiting(int by) => Waiting.Add(by);

    internal static void ChangeConnected(int by) => Connections.Add(by);

    internal static void ChangeWorkers(string phase, int by) =>
        Workers.Add(by, new KeyValuePair<string, object?>("phase", phase));

    internal static void RecordKeepAliveGap(TimeSpan gap) => KeepAliveGap.Record(gap.TotalSeconds);

    internal static void RecordConnect(bool registered) =>
        Connects.Add(1, new KeyValuePair<string, object?>("outcome", registered ? "registered" : "failed"));

    internal static void ChangeWorkingDirectorySize(long by) => WorkingDirectoryBytes.Add(by);
}
