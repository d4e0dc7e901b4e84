using System.Text.RegularExpressions;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>
/// A worker that answers every action at once and does nothing: what a measurement with it takes is
/// the price of the script that drives the load and of the stream between the two. Started as a
/// process of its own, with a worker's configuration file.
/// </summary>
internal static partial class InstantWorker
{
    public static async Task RunAsync(string configurationFile)
    {
        var address = Endpoint().Match(await File.ReadAllTextAsync(configurationFile)).Groups[1].Value.Replace(
            "grpc://", "http://", StringComparison.Ordinal);
        using var channel = GrpcChannel.ForAddress(address);
        using var call = new Wire.WorkerApi.WorkerApiClient(channel).ConnectWorker();
        await call.RequestStream.WriteAsync(new Wire.UpdateForScheduler
        {
            ConnectWorkerRequest = new Wire.ConnectWorkerRequest { WorkerIdPrefix = "instant-" },
        });
        try
        {
            while (await call.ResponseStream.MoveNext(default))
            {
                if (call.ResponseStream.Current.StartAction is { } start)
                    await call.RequestStream.WriteAsync(new Wire.UpdateForScheduler { ExecuteResult = Answer(start) });
            }
        }
        catch (RpcException)
        {
            // The scheduler has gone: there is nothing left to answer.
        }
    }

    private static Wire.ExecuteResult Answer(Wire.StartExecute start)
    {
        var response = EmptyResponse(Timestamp.FromDateTime(DateTime.UtcNow));
        (response.Result.ExecutionMetadata.Worker, response.Result.ExecutionMetadata.QueuedTimestamp) = (start.WorkerId,
            start.QueuedTimestamp);
        return new Wire.ExecuteResult
        {
            OperationId = start.OperationId,
            InstanceName = start.ExecuteRequest.InstanceName,
            ExecuteResponse = response,
        };
    }

    /// <summary>
    /// The answer to an action that did nothing, complete in
    /// all that a scheduler wants; all its times are one.
    /// </summary>
    internal static Reapi.ExecuteResponse EmptyResponse(Timestamp at)
    {
        var nothing = NativeLink.Actors.Protocol.Digest.Empty(NativeLink.Actors.Protocol.DigestFunction.Sha256)
            .ToWire();
        return new Reapi.ExecuteResponse
        {
            Result = new Reapi.ActionResult
            {
                StdoutDigest = nothing,
                StderrDigest = nothing,
                ExecutionMetadata = new Reapi.ExecutedActionMetadata
                {
                    QueuedTimestamp = at,
                    WorkerStartTimestamp = at,
                    InputFetchStartTimestamp = at,
                    InputFetchCompletedTimestamp = at,
                    ExecutionStartTimestamp = at,
                    ExecutionCompletedTimestamp = at,
                    OutputUploadStartTimestamp = at,
                    OutputUploadCompletedTimestamp = at,
                    WorkerCompletedTimestamp = at,
                },
            },
        };
    }

    [GeneratedRegex("worker_api_endpoint\"?\\s*:\\s*\\{\\s*\"?uri\"?\\s*:\\s*\"([^\"]+)\"")]
    private static partial Regex Endpoint();
}
