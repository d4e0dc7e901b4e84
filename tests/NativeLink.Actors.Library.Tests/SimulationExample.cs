using Akka.Actor;
using Akka.Configuration;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker;
using NativeLink.Actors.Worker.Connection;

namespace NativeLink.Actors.Library.Tests;

#region README: simulation
/// <summary>A worker with all its actors, at simulated ports, on a clock that the test moves.</summary>
public sealed class SimulationExample() : TestKit(ConfigurationFactory
    .ParseString("""akka.scheduler.implementation = "Akka.TestKit.TestScheduler, Akka.TestKit" """)
    .WithFallback(WorkerHosting.DefaultConfig()))
{
    [Fact]
    public async Task An_action_that_hangs_is_ended_and_answered_when_its_time_is_over()
    {
        using var disk = new TempDirectory();
        var (scheduler, cas) = (new SimulatedScheduler(), new SimulatedCas());  // ISchedulerLink, ICasClient
        var clock = (TestScheduler)Sys.Scheduler;
        var processes = new SimulatedProcesses(clock);                          // IProcessLauncher
        await using var host = await WorkerHost.JoinAsync(Sys, [new WorkerHostOptions
        {
            Cas = new CasOptions(),
            CasClient = cas,
            Launcher = processes,
            LocalStore = new ContentStoreOptions(disk.At("store"), disk.At("store-temp")),
            DirectoryCache = new DirectoryCacheOptions(disk.At("trees")),
            Workers = [new WorkerOptions
            {
                Connection = new ConnectionOptions { SchedulerEndpoint = scheduler.Endpoint },
                WorkDirectory = disk.At("work"),
            }],
        }], NullLoggerFactory.Instance, TimeProvider.System);
        await host.Registered;

        var answer = scheduler.ExecuteAsync(cas.AddAction(timeout: TimeSpan.FromMinutes(10), "build"));
        await AwaitConditionAsync(() =>
        {
            if (processes.Running)
                clock.Advance(TimeSpan.FromMinutes(5));
            return Task.FromResult(answer.IsCompleted);
        }, max: TimeSpan.FromMinutes(1), interval: TimeSpan.FromSeconds(0.5));

        Assert.Contains("timed out after 600 s", (await answer).ExecuteResponse!.Status.Message);
    }
}
#endregion
