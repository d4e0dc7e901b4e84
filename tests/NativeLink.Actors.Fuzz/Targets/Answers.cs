using System.Text.RegularExpressions;
using Grpc.Core;

namespace NativeLink.Actors.Fuzz.Targets;

/// <summary>What is wrong with an answer, whatever the action was (protos/README.md 3.7).</summary>
internal static partial class Answers
{
    private const int LargestMessage = 4 << 20;

    /// <param name="retryable">Whether an internal_error may be the answer: for hostile actions it
    /// is not, since the scheduler would try them again and again.</param>
    public static IEnumerable<string> Problems(Wire.ExecuteResult answer, bool retryable)
    {
        var status = answer.InternalError ?? answer.ExecuteResponse?.Status ?? new Google.Rpc.Status();
        if (answer.CalculateSize() > LargestMessage)
            yield return $"an answer of {answer.CalculateSize()} bytes";
        if (Unexpected().IsMatch(status.Message))
            yield return $"an exception that nobody expected: {status}";
        if (answer.InternalError is { } error && (error.Code == (int)StatusCode.OK || error.Message.Length == 0))
            yield return $"an internal_error that says nothing: {answer}";
        if (answer.InternalError is not null && !retryable)
            yield return $"the action's own mistake is answered as if it could be tried again: {status}";
        if (answer.InternalError is null && !IsComplete(answer.ExecuteResponse))
            yield return $"an answer without its mandatory parts: {answer}";
        if (answer.ExecuteResponse is { Status.Code: not 0 } response && response.Status.Message.Length == 0)
            yield return $"a status without a message: {response}";
    }

    private static bool IsComplete(Reapi.ExecuteResponse? response) =>
        response?.Result is { StdoutDigest: not null, StderrDigest: not null } result
        && result.ExecutionMetadata is
        {
            QueuedTimestamp: not null, WorkerStartTimestamp: not null, WorkerCompletedTimestamp: not null,
            InputFetchStartTimestamp: not null, InputFetchCompletedTimestamp: not null,
            ExecutionStartTimestamp: not null, ExecutionCompletedTimestamp: not null,
            OutputUploadStartTimestamp: not null, OutputUploadCompletedTimestamp: not null,
        }
        && result.OutputFiles.All(file => Digest.TryFromWire(file.Digest, DigestFunction.Sha256, out _))
        && result.OutputDirectories.All(
            directory => Digest.TryFromWire(directory.TreeDigest, DigestFunction.Sha256, out _));

    /// <summary>
    /// How a fault looks that was made of an exception, and
    /// what a connection says of an executor that died.
    /// </summary>
    [GeneratedRegex("(^|[: ])[A-Z][A-Za-z]*Exception: |failed unexpectedly")]
    private static partial Regex Unexpected();
}
