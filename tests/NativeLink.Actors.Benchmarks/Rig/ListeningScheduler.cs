using System.Net;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>A scheduler that accepts workers, gives them an id, and has no work.</summary>
internal sealed class ListeningScheduler : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Registrations _registrations;

    private ListeningScheduler(WebApplication app) =>
        (_app, _registrations) = (app, app.Services.GetRequiredService<Registrations>());

    /// <summary><c>host:port</c>.</summary>
    public string Address => new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Authority;

    public static async Task<ListeningScheduler> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton<Registrations>();
        var app = builder.Build();
        app.MapGrpcService<Service>();
        await app.StartAsync();
        return new ListeningScheduler(app);
    }

    /// <summary>Completes when the next worker says hello.</summary>
    public Task NextRegistration() => _registrations.Next();

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    internal sealed class Registrations
    {
        private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Next() => (_next = new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

        public void Registered() => _next.TrySetResult();
    }

    internal sealed class Service(Registrations registrations) : Wire.WorkerApi.WorkerApiBase
    {
        public override async Task ConnectWorker(
            IAsyncStreamReader<Wire.UpdateForScheduler> requestStream, IServerStreamWriter<Wire.UpdateForWorker> responseStream, ServerCallContext context)
        {
            while (await requestStream.MoveNext(context.CancellationToken))
            {
                if (requestStream.Current.UpdateCase != Wire.UpdateForScheduler.UpdateOneofCase.ConnectWorkerRequest)
                    continue;
                registrations.Registered();
                await responseStream.WriteAsync(new Wire.UpdateForWorker { ConnectionResult = new Wire.ConnectionResult { WorkerId = "bench" } });
            }
        }
    }
}
