using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>Builds every answer that the scheduler makes itself, and checks those that workers send.</summary>
internal static class SchedulerAnswers
{
    /// <summary>Exit code of an action that no worker finished, as NativeLink gives it.</summary>
    public const int NoExitCode = -178;

    /// <summary>Why nothing is taken once the drain has begun.</summary>
    public const string Draining = "the scheduler finishes what runs and takes nothing new: it is about to end";

    private static readonly string ZeroHash = new('0', Digest.HashLength * 2);

    /// <summary>A final answer without a run; complete in all that clients insist on.</summary>
    public static Reapi.ExecuteResponse Failure(StatusCode code, string message) => Failure((int)code, message);

    public static Reapi.ExecuteResponse Failure(int code, string message) => new()
    {
        Status = new Google.Rpc.Status { Code = code, Message = message },
        Result = new Reapi.ActionResult
        {
            ExitCode = NoExitCode,
            StdoutDigest = new Reapi.Digest { Hash = ZeroHash },
            StderrDigest = new Reapi.Digest { Hash = ZeroHash },
            ExecutionMetadata = new Reapi.ExecutedActionMetadata(),
        },
    };

    public static Reapi.ExecuteResponse FromCache(Reapi.ActionResult result) => new()
    {
        Result = result,
        CachedResult = true,
        Status = new Google.Rpc.Status(),
    };

    /// <summary>
    /// A worker's answer as clients get it: unchanged, but with a status, with the time the process
    /// took, and with the newer symlink list filled from the two older ones when the worker left it
    /// empty (newer clients want all three to agree).
    /// </summary>
    public static Reapi.ExecuteResponse FromWorker(Reapi.ExecuteResponse response)
    {
        response.Status ??= new Google.Rpc.Status();
        var result = response.Result;
        var metadata = result.ExecutionMetadata;
        metadata.VirtualExecutionDuration ??= Between(
            metadata.ExecutionStartTimestamp, metadata.ExecutionCompletedTimestamp);
#pragma warning disable CS0612 // REAPI has retired the two older lists; workers and clients still use them.
        if (result.OutputSymlinks.Count == 0)
        {
            result.OutputSymlinks.AddRange(result.OutputFileSymlinks);
            result.OutputSymlinks.AddRange(result.OutputDirectorySymlinks);
        }
#pragma warning restore CS0612

        return response;
    }

    /// <summary>Null unless the second time is a valid one after the first.</summary>
    private static Duration? Between(Timestamp start, Timestamp end)
    {
        const long Second = 1_000_000_000;
        var (seconds, nanos) = (end.Seconds - start.Seconds, (long)end.Nanos - start.Nanos);
        if (nanos < 0)
            (seconds, nanos) = (seconds - 1, nanos + Second);
        return seconds is >= 0 and < 315_576_000_000 && nanos is >= 0 and < Second
            ? new Duration { Seconds = seconds, Nanos = (int)nanos }
            : null;
    }

    /// <summary>
    /// Names the first mandatory part (protos/README.md 3.7) that
    /// is absent or malformed; null when the answer is complete.
    /// </summary>
    public static string? FirstFlaw(Reapi.ExecuteResponse response)
    {
        if (response.Result is not { } result)
            return "result";
        return FlawOfDigest(result.StdoutDigest, "stdout_digest")
            ?? FlawOfDigest(result.StderrDigest, "stderr_digest")
            ?? FlawOfMetadata(result.ExecutionMetadata)
            ?? FirstOf(result.OutputFiles, f => FlawOfDigest(f.Digest, $"digest of output file '{f.Path}'"))
            ?? FirstOf(result.OutputDirectories,
                d => FlawOfDigest(d.TreeDigest, $"tree_digest of output directory '{d.Path}'"))
            ?? FlawOfLogs(response.ServerLogs);
    }

    private static string? FlawOfMetadata(Reapi.ExecutedActionMetadata? metadata) => metadata switch
    {
        null => "execution_metadata",
        { QueuedTimestamp: null } => "queued_timestamp",
        { WorkerStartTimestamp: null } => "worker_start_timestamp",
        { WorkerCompletedTimestamp: null } => "worker_completed_timestamp",
        { InputFetchStartTimestamp: null } => "input_fetch_start_timestamp",
        { InputFetchCompletedTimestamp: null } => "input_fetch_completed_timestamp",
        { ExecutionStartTimestamp: null } => "execution_start_timestamp",
        { ExecutionCompletedTimestamp: null } => "execution_completed_timestamp",
        { OutputUploadStartTimestamp: null } => "output_upload_start_timestamp",
        { OutputUploadCompletedTimestamp: null } => "output_upload_completed_timestamp",
        _ => null,
    };

    private static string? FlawOfLogs(MapField<string, Reapi.LogFile> logs) =>
        FirstOf(logs, log => FlawOfDigest(log.Value.Digest, $"digest of server log '{log.Key}'"));

    private static string? FirstOf<T>(IEnumerable<T> items, Func<T, string?> flaw) =>
        items.Select(flaw).FirstOrDefault(f => f is not null);

    private static string? FlawOfDigest(Reapi.Digest? digest, string what) =>
        Digest.TryFromWire(digest, DigestFunction.Sha256, out _) ? null : what;
}
