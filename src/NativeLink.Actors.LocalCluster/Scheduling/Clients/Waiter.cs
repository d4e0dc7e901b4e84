using Google.LongRunning;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Scheduling.Clients;

/// <summary>
/// A client that waits for an operation, with a name of its own for it; several clients of one
/// execution are a waiter each.
/// </summary>
internal sealed class Waiter(string id, ScheduledOperation operation)
{
    /// <summary>The part of the name after the last slash.</summary>
    public string Id => id;

    public string Name { get; } = $"{operation.Key.Instance}/{id}";

    public ScheduledOperation Operation => operation;

    public List<OperationStream> Streams { get; } = [];

    /// <summary>This client's answer when it has cancelled, whatever becomes of the execution.</summary>
    public Any? Cancelled { get; set; }

    public Operation Describe()
    {
        var response = Cancelled ?? operation.Response;
        var message = new Operation
        {
            Name = Name,
            Done = response is not null,
            Metadata = Any.Pack(new Reapi.ExecuteOperationMetadata
            {
                Stage = response is null ? operation.Stage : Reapi.ExecutionStage.Types.Value.Completed,
                ActionDigest = operation.Key.Action.ToWire(),
                DigestFunction = operation.Key.Action.Function.ToWire(),
            }),
        };
        if (response is not null)
            message.Response = response;
        return message;
    }

    /// <summary>Sends the operation's state to every stream of this client; a final one ends the stream.</summary>
    public void Publish()
    {
        if (Streams.Count == 0)
            return;
        var message = Describe();
        foreach (var stream in Streams)
        {
            stream.Push(message);
            if (message.Done)
                stream.Complete();
        }

        if (message.Done)
            Release();
    }

    public void Fail(StatusCode code, string detail)
    {
        foreach (var stream in Streams)
            stream.Fail(code, detail);
        Release();
    }

    private void Release()
    {
        foreach (var stream in Streams)
            stream.Waiter = null;
        Streams.Clear();
    }
}
