using NativeLink.Actors.Cas.Channels;

namespace NativeLink.Actors.Worker.Connection.WorkerApi;

/// <summary>A scheduler that speaks NativeLink's worker API by gRPC.</summary>
/// <param name="Endpoint">Where it listens for workers.</param>
public sealed record WorkerApiEndpointOptions(GrpcEndpointOptions Endpoint) : SchedulerEndpointOptions
{
    /// <inheritdoc/>
    public override Uri Address => Endpoint.Address;

    /// <inheritdoc/>
    public override ISchedulerLink CreateLink() => new GrpcSchedulerLink(Endpoint, GrpcChannels.Open);
}
