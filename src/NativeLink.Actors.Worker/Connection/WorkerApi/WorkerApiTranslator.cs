using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Worker.Operations;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Worker.Connection.WorkerApi;

/// <summary>
/// NativeLink's <c>WorkerApi</c> (protos/README.md 3)
/// and our own words for it; one translator a stream.
/// </summary>
internal sealed class WorkerApiTranslator
{
    private WorkerId _worker = new("");

    /// <summary>The first message of a stream.</summary>
    public static Wire.ConnectWorkerRequest ToWire(Registration registration)
    {
        var request = new Wire.ConnectWorkerRequest
        {
            WorkerIdPrefix = registration.NamePrefix,
            MaxInflightTasks = (ulong)Math.Max(0, registration.MaxInflightTasks),
        };
        request.Properties.AddRange(registration.Properties.Select(
            property => new Reapi.Platform.Types.Property { Name = property.Key, Value = property.Value }));
        return request;
    }

    /// <summary>Null for what asks for nothing: keep_alive, and what a newer scheduler may say.</summary>
    public SchedulerMessage? FromWire(Wire.UpdateForWorker update)
    {
        switch (update.UpdateCase)
        {
            case Wire.UpdateForWorker.UpdateOneofCase.ConnectionResult:
                _worker = new WorkerId(update.ConnectionResult.WorkerId);
                return new RegistrationAccepted(_worker);
            case Wire.UpdateForWorker.UpdateOneofCase.StartAction:
                return FromWire(update.StartAction);
            case Wire.UpdateForWorker.UpdateOneofCase.KillOperationRequest:
                return new KillRequested(new OperationId(update.KillOperationRequest.OperationId));
            case Wire.UpdateForWorker.UpdateOneofCase.Disconnect:
                return new DisconnectRequested();
            default:
                return null;
        }
    }

    public Wire.UpdateForScheduler ToWire(WorkerMessage message) => message switch
    {
        KeepAliveSignal => new Wire.UpdateForScheduler { KeepAliveRequest = new Wire.KeepAliveRequest() },
        ExecutionCompleted completed => new Wire.UpdateForScheduler
        {
            ExecuteComplete = new Wire.ExecuteComplete { OperationId = completed.Operation.Value },
        },
        ResultReady ready => new Wire.UpdateForScheduler { ExecuteResult = ToWire(ready.Result) },
        GoingAway => new Wire.UpdateForScheduler { GoingAwayRequest = new Wire.GoingAwayRequest() },
        _ => throw new NotSupportedException($"{message.GetType().Name} has no word in WorkerApi"),
    };

    private Wire.ExecuteResult ToWire(ExecuteResult result)
    {
        var wire = new Wire.ExecuteResult
        {
            OperationId = result.OperationId.Value,
            InstanceName = result.InstanceName,
        };
        if (result.Usage is { } usage)
            wire.ResourceUsage = ResourceUsageMessage.ToWire(usage, result.OperationId, _worker);
        // One of the two is set, or the scheduler would wait for ever (protos/README.md 3.7).
        if (result.ExecuteResponse is { } response)
            wire.ExecuteResponse = response;
        else
            wire.InternalError = result.InternalError
                ?? throw new ArgumentException($"operation {result.OperationId} has no answer", nameof(result));
        return wire;
    }

    /// <summary>A part that is missing or not served is a fault of code INVALID_ARGUMENT.</summary>
    private SchedulerMessage FromWire(Wire.StartExecute start)
    {
        var (id, request) = (new OperationId(start.OperationId), start.ExecuteRequest);
        if (request is null)
            return Unusable("start_action has no execute_request");
        if (!DigestFunctions.TryFromWire(request.DigestFunction, out var function))
            return Unusable(
                $"digest function {request.DigestFunction} is not served by this worker; use SHA256 or BLAKE3");
        if (!Digest.TryFromWire(request.ActionDigest, function, out var action))
        {
            return Unusable(request.ActionDigest is { } bad
                ? $"action digest '{bad.Hash}/{bad.SizeBytes}' is malformed: " +
                    "64 hexadecimal digits and a size of 0 or more are needed"
                : "start_action has no action_digest");
        }
        var queued = start.QueuedTimestamp is { } stamp && IsValid(stamp)
            ? stamp.ToDateTimeOffset()
            : DateTimeOffset.UnixEpoch;
        return new ActionAssigned(new ActionAssignment(
            id, request.InstanceName, action, start.Platform ?? new Reapi.Platform(), queued, _worker)
        {
            SkipCacheLookup = request.SkipCacheLookup,
        });

        AssignmentUnusable Unusable(string detail) =>
            new(id, request?.InstanceName ?? "", new Fault(FaultKind.Worker, detail)
            {
                Code = Grpc.Core.StatusCode.InvalidArgument,
            });
    }

    // google.protobuf.Timestamp: years 1 … 9999; the conversion throws beyond.
    private static bool IsValid(Timestamp stamp) =>
        stamp is { Seconds: >= -62_135_596_800 and <= 253_402_300_799, Nanos: >= 0 and < 1_000_000_000 };
}
