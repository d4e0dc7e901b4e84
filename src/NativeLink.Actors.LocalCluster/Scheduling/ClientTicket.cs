using Google.LongRunning;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>A client's own name for an operation; several clients of one execution have one each.</summary>
internal sealed class ClientTicket(string id, ScheduledOperation operation)
{
    /// <summary>The part of the name after the last slash.</summary>
    public string Id => id;

    public string Name { get; } = $"{operation.Key.Instance}/{id}";

    public ScheduledOperation Operation => operation;

    public List<OperationFeed> Feeds { get; } = [];

    /// <summary>This client gave up; its answer, whatever becomes of the execution.</summary>
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

    /// <summary>Tells every stream of this client how things stand; the last word ends the stream.</summary>
    public void Publish()
    {
        if (Feeds.Count == 0)
            return;
        var message = Describe();
        foreach (var feed in Feeds)
        {
            feed.Push(message);
            if (message.Done)
                feed.Complete();
        }

        if (message.Done)
            Release();
    }

    public void Fail(StatusCode code, string detail)
    {
        foreach (var feed in Feeds)
            feed.Fail(code, detail);
        Release();
    }

    private void Release()
    {
        foreach (var feed in Feeds)
            feed.Ticket = null;
        operation.Listeners -= Feeds.Count;
        Feeds.Clear();
    }
}
