using System.Diagnostics;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Testing.Scheduling;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>Actions given to a worker by a scheduler that does nothing else, and timed.</summary>
internal static class MeasuredWorker
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static int _next;

    /// <summary>
    /// Gives an action to the worker; the time until its
    /// answer and the answer, which has to be of exit code 0.
    /// </summary>
    public static async Task<(TimeSpan Took, Reapi.ActionResult Result)> RunAsync(
        this ScriptedWorker worker, Digest action)
    {
        var start = new Wire.StartExecute
        {
            OperationId = string.Create(CultureInfo.InvariantCulture, $"bench-{Interlocked.Increment(ref _next)}"),
            WorkerId = "bench",
            QueuedTimestamp = Timestamp.FromDateTime(DateTime.UtcNow),
            ExecuteRequest = new Reapi.ExecuteRequest
            {
                ActionDigest = action.ToWire(),
                DigestFunction = Reapi.DigestFunction.Types.Value.Sha256,
            },
        };
        var began = Stopwatch.GetTimestamp();
        var (at, result) = await worker.ExecuteAsync(start).WaitAsync(Patience);
        if (result.ExecuteResponse is not { } response || response.Status is { Code: not 0 }
            || response.Result.ExitCode != 0)
            throw new InvalidOperationException($"an action failed: {result}");
        return (Stopwatch.GetElapsedTime(began, at), response.Result);
    }
}
