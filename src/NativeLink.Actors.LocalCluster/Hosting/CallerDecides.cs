using Microsoft.Extensions.Hosting;

namespace NativeLink.Actors.LocalCluster.Hosting;

/// <summary>
/// The program that starts the cluster hears signals
/// and decides when it ends; the web host must not.
/// </summary>
internal sealed class CallerDecides : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
