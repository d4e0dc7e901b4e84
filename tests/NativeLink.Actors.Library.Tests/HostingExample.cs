using Akka.Hosting;
using Microsoft.Extensions.Hosting;
using NativeLink.Actors.Worker;

namespace NativeLink.Actors.Library.Tests;

/// <summary>An application of its own, with the workers of two clusters in its actor system.</summary>
internal static class HostingExample
{
    public static IHost Build(WorkerHostOptions left, WorkerHostOptions right)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        #region README: hosting
        builder.Services.AddAkka("mine", akka => akka
            .AddNativeLinkWorkers(left, name: "left")      // when the host stops, they first finish what runs
            .AddNativeLinkWorkers(right, name: "right"));  // of another cluster, with stores of their own
        #endregion
        return builder.Build();
    }
}
