using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>A final response has all that a scheduler needs (protos/README.md 3.7).</summary>
internal sealed class WholeAnswer(SimWorld world) : Checker(world)
{
    public override void ResultSent(SimStream stream, SimAttempt? attempt, ExecuteResult result)
    {
        if ((result.ExecuteResponse is null) == (result.InternalError is null))
            World.Violate($"{result.OperationId} has a response and an error, or neither");
        // What is missing is final: trying again would find it missing again.
        if (result.InternalError?.Code is (int)Grpc.Core.StatusCode.FailedPrecondition
            or (int)Grpc.Core.StatusCode.NotFound)
            World.Violate($"{result.OperationId} is to be tried again: {result.InternalError}");
        if (result.ExecuteResponse is not { } response)
            return;
        if (response.Result is not { StdoutDigest.Hash.Length: 64, StderrDigest.Hash.Length: 64 } outputs)
        {
            World.Violate($"{result.OperationId} has no result, or no digests of stdout and stderr");
            return;
        }
        if (result.ExecuteResponse.Result.OutputFiles.Any(static file => file.Digest is null)
            || outputs.OutputDirectories.Any(static directory => directory.TreeDigest is null))
            World.Violate($"{result.OperationId} has an output without a digest");
        var metadata = outputs.ExecutionMetadata ?? new();
        Google.Protobuf.WellKnownTypes.Timestamp?[] times =
        [
            metadata.QueuedTimestamp, metadata.WorkerStartTimestamp, metadata.InputFetchStartTimestamp,
            metadata.InputFetchCompletedTimestamp, metadata.ExecutionStartTimestamp,
            metadata.ExecutionCompletedTimestamp, metadata.OutputUploadStartTimestamp,
            metadata.OutputUploadCompletedTimestamp, metadata.WorkerCompletedTimestamp,
        ];
        if (times.Any(static time => time is null) || !times.SequenceEqual(times.Order()))
            World.Violate($"{result.OperationId} has times that are missing or do not ascend: {metadata}");
        if (metadata.Worker != stream.Id.Value)
            World.Violate($"{result.OperationId} says that it ran on {metadata.Worker}, not {stream.Id}");
    }
}
