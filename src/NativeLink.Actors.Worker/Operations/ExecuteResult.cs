using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>
/// The one answer to an operation, complete in all that a scheduler needs. Exactly one of
/// <see cref="ExecuteResponse"/> and <see cref="InternalError"/> is set.
/// </summary>
/// <param name="InstanceName">The client's instance, echoed.</param>
public sealed record ExecuteResult(OperationId OperationId, string InstanceName)
{
    /// <summary>The final answer, as the client gets it (REAPI ExecuteResponse).</summary>
    public Reapi.ExecuteResponse? ExecuteResponse { get; init; }

    /// <summary>The action could not be run to its end here: the scheduler is to try again, or to give it up.</summary>
    public Google.Rpc.Status? InternalError { get; init; }

    /// <summary>What its processes took; null when none ran.</summary>
    public ResourceUsage? Usage { get; init; }
}
