using System.Diagnostics;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Benchmarks.Flood;

/// <summary>So many different actions given to one worker at once.</summary>
/// <param name="Ran">How many were answered with a result.</param>
/// <param name="Refused">How many with RESOURCE_EXHAUSTED.</param>
/// <param name="Twice">Answers to what had been answered before, or was never asked.</param>
/// <param name="Others">Answers of another kind; the first of them.</param>
internal sealed record FloodOutcome(
    int Count, int Ran, int Refused, int Twice, int Others, string FirstOther, TimeSpan Took, double Megabytes,
    (bool Holds, string Line) Gaps)
{
    public bool EachOnce => Ran + Refused == Count && Twice == 0 && Others == 0;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{(EachOnce ? "ok  " : "FAIL")} {Count:N0} at once: {Ran:N0} ran, {Refused:N0} refused, " +
        $"{Twice} answered twice, {Others} answered " +
        $"otherwise{(Others > 0 ? $" ({FirstOther})" : "")}; {Took.TotalSeconds:0.0} s, " +
        $"peak memory {Megabytes:0} MB");
}

/// <summary>Makes such a flood, with a worker of its own.</summary>
internal static class OperationFlood
{
    private const int WarmUp = 50;
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan StillAlive = TimeSpan.FromSeconds(6);

    public static async Task<FloodOutcome> MeasureAsync(BenchContext context, int count)
    {
        await using var worker = await AloneWorker.StartAsync(context, context.NewDirectory($"flood-{count}"));
        var actions = Enumerable.Range(0, count + WarmUp).Select(number => worker.Blobs.Add(
            ["/bin/true"], salt: number.ToString(CultureInfo.InvariantCulture))).ToList();
        await worker.StoreAsync();
        foreach (var action in actions.TakeLast(WarmUp))
            await worker.RunAsync(action);

        var gaps = KeepAliveGaps.Watch(worker.Session);
        var began = Stopwatch.GetTimestamp();
        var answers = await Task.WhenAll(actions.SkipLast(WarmUp)
            .Select((action, number) => worker.Session.ExecuteAsync(Start(action, number)))).WaitAsync(Bound);
        var took = Stopwatch.GetElapsedTime(began);
        // What comes twice comes soon after.
        await Task.Delay(StillAlive);
        var results = answers.Select(static answer => answer.Result).ToList();
        var others = results.Where(static result => !HasRun(result) && !WasRefused(result)).ToList();
        return new FloodOutcome(count, results.Count(HasRun), results.Count(WasRefused), worker.Scheduler.Unasked.Count,
            others.Count, others.FirstOrDefault()?.ToString() ?? "", took, worker.Process.PeakMegabytes(),
            gaps.Judge());
    }

    private static bool HasRun(Wire.ExecuteResult result) =>
        result.ExecuteResponse is { Status: null or { Code: 0 }, Result.ExitCode: 0 };

    private static bool WasRefused(Wire.ExecuteResult result) =>
        result.InternalError is { Code: (int)StatusCode.ResourceExhausted };

    private static Wire.StartExecute Start(Digest action, int number) => new()
    {
        OperationId = string.Create(CultureInfo.InvariantCulture, $"flood-{number}"),
        WorkerId = "bench",
        QueuedTimestamp = Timestamp.FromDateTime(DateTime.UtcNow),
        ExecuteRequest = new Reapi.ExecuteRequest
        {
            ActionDigest = action.ToWire(),
            DigestFunction = Reapi.DigestFunction.Types.Value.Sha256,
        },
    };
}
