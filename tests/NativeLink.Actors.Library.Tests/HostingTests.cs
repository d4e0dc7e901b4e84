using Akka.Actor;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.EndToEnd;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Connection.WorkerApi;

namespace NativeLink.Actors.Library.Tests;

/// <summary>
/// Somebody else's application with workers in it, at two clusters that are programs of their own;
/// actions are asked for by the command line.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001",
    Justification = "xUnit ends it by IAsyncLifetime.")]
public sealed class HostingTests : IAsyncLifetime
{
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(1);

    private readonly TempDirectory _directory = new();
    private Cluster _left = null!;
    private Cluster _right = null!;
    private IHost _host = null!;

    public async Task InitializeAsync()
    {
        (_left, _right) = (await Cluster.Start(workersInProcess: 0), await Cluster.Start(workersInProcess: 0));
        _host = HostingExample.Build(Options(_left, "left"), Options(_right, "right"));
        await _host.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
        await _left.DisposeAsync();
        await _right.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task An_application_that_stops_lets_the_actions_of_its_workers_finish()
    {
        await using var running = await BeginAsync(_right);
        var stopping = _host.StopAsync();
        var shutdown = CoordinatedShutdown.Get(_host.Services.GetRequiredService<ActorSystem>());
        await Eventually.HoldsAsync(() => shutdown.ShutdownReason is not null, "the system shuts down");
        Assert.False(stopping.IsCompleted);
        await File.WriteAllTextAsync(_directory.At("go"), "");

        Assert.Equal(0, await running.Exit(Bound));
        Assert.Contains("finished", running.Output, StringComparison.Ordinal);
        await stopping.WaitAsync(Bound);
    }

    [Fact]
    public async Task A_cluster_that_dies_does_not_touch_the_workers_of_another()
    {
        await using var first = Execute(_left, "echo from the left");
        Assert.Equal(0, await first.Exit(Bound));
        Assert.Contains("from the left", first.Output, StringComparison.Ordinal);

        await using var running = await BeginAsync(_right);
        await _left.KillAsync();
        await using var another = Execute(_right, "echo from the right");
        Assert.Equal(0, await another.Exit(Bound));
        Assert.Contains("from the right", another.Output, StringComparison.Ordinal);
        await File.WriteAllTextAsync(_directory.At("go"), "");
        Assert.Equal(0, await running.Exit(Bound));
        Assert.Contains("finished", running.Output, StringComparison.Ordinal);
        // Taken up once, by a worker that has not left its scheduler meanwhile.
        Assert.Equal("begun\n", await File.ReadAllTextAsync(_directory.At("begun")));
    }

    private WorkerHostOptions Options(Cluster cluster, string name) => new()
    {
        Cas = new CasOptions { Grpc = new GrpcStoreOptions { Endpoints = [new GrpcEndpointOptions(cluster.Address)] } },
        LocalStore = new ContentStoreOptions(_directory.At(name, "store"), _directory.At(name, "store-temp")),
        DirectoryCache = new DirectoryCacheOptions(_directory.At(name, "trees")),
        Workers =
        [
            new WorkerOptions
            {
                Connection = new ConnectionOptions
                {
                    SchedulerEndpoint = new WorkerApiEndpointOptions(new GrpcEndpointOptions(cluster.WorkerApiAddress)),
                },
                WorkDirectory = _directory.At(name, "work"),
            },
        ],
    };

    /// <summary>An action that has begun, and ends when there is a file of the name <c>go</c>.</summary>
    private async Task<RunningProgram> BeginAsync(Cluster cluster)
    {
        var running = Execute(cluster,
            $"echo begun >> {_directory.At("begun")}; while [ ! -e {_directory.At("go")} ]; do sleep 0.05; done; " +
            "echo finished");
        await Eventually.HoldsAsync(() => File.Exists(_directory.At("begun")), () => running.Output);
        return running;
    }

    private static RunningProgram Execute(Cluster cluster, string script) =>
        Cluster.Run("exec", "--executor", cluster.Endpoint, "--no-cache", "--env", "PATH=/usr/bin:/bin", "--",
            "/bin/sh", "-c", script);
}
