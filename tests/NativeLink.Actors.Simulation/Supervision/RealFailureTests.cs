using System.Text;
using Akka.Actor;
using Akka.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Testing.Workers;
using NativeLink.Actors.Worker;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Inputs;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Outputs;
using NativeLink.Actors.Worker.Processes;
using NativeLink.Actors.Worker.Transfers;

namespace NativeLink.Actors.Simulation.Supervision;

/// <summary>Each actor fails once among real processes, files and streams, in the midst of an action.</summary>
public sealed class RealFailureTests
{
    private const int MostAttempts = 4;
    private const string Script = "echo made > out";

    // A service that has failed takes requests again after a tenth of a second.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private const string Mailboxes = """
        akka {
          loglevel = OFF
          stdout-loglevel = OFF
          actor {
            default-mailbox.mailbox-type = "NativeLink.Actors.Simulation.Supervision.FailingMailbox, NativeLink.Actors.Simulation"
            mailbox.unbounded-deque-based.mailbox-type = "NativeLink.Actors.Simulation.Supervision.FailingMailbox, NativeLink.Actors.Simulation"
          }
        }
        """;

    [Theory]
    [InlineData(typeof(WorkerPool), "PhaseChanged", true)]
    [InlineData(typeof(SchedulerConnection), "ProcessEnded", false)]
    [InlineData(typeof(SchedulerStream), "ExecutionCompleted", false)]
    [InlineData(typeof(KeepAlive), "Tick", false)]
    [InlineData(typeof(ActionExecutor), "Exited", false)]
    [InlineData(typeof(CasDownloader), "StageInputs", false)]
    [InlineData(typeof(CasUploader), "Upload", false)]
    [InlineData(typeof(TransferWork), "TransferEnded", false)]
    [InlineData(typeof(ProcessRunner), "Run", true)]
    public async Task A_real_action_is_answered_all_the_same_and_the_next_attempt_succeeds(
        Type actor, string message, bool after)
    {
        using var directory = new TempDirectory();
        var failing = new FailingOnce(actor, message, after);
        var system = ActorSystem.Create("failing",
            ConfigurationFactory.ParseString(Mailboxes).WithFallback(WorkerHosting.DefaultConfig()));
        system.RegisterExtension(failing);
        await using (var rig = await WorkerRig.StartAsync(
            directory.Path, null, NullLoggerFactory.Instance, Quick, system))
        {
            var marker = $"6{Random.Shared.Next(100_000, 1_000_000)}";
            // What ends with an actor would go on for a minute otherwise.
            var isLong = actor == typeof(ProcessRunner) || actor == typeof(KeepAlive);
            var result = await SucceedAsync(rig, isLong ? $"sleep {marker}" : Script);
            Assert.True(failing.HasFailed, $"{actor.Name} has not failed");
            Assert.Equal("out", Assert.Single(result.ExecuteResponse.Result.OutputFiles).Path);
            Assert.Empty(await rig.LeftOverAsync());
            Assert.Empty(rig.Scheduler.Unasked);
            await Eventually.HoldsAsync(() => !Runs(marker), $"no process runs {marker}");
        }
        await system.Terminate();
        Assert.DoesNotContain(directory.Path, await File.ReadAllTextAsync("/proc/mounts"), StringComparison.Ordinal);
    }

    private static WorkerOptions Quick(WorkerOptions worker) =>
        worker with { Connection = worker.Connection with { EndpointTimeout = TimeSpan.FromSeconds(2) } };

    /// <summary>As a scheduler does it: what has no final answer is asked for again.</summary>
    private static async Task<Wire.ExecuteResult> SucceedAsync(WorkerRig rig, string first)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await rig.Scheduler.Connected.WaitAsync(TimeSpan.FromSeconds(30));
                var action = Put(rig, attempt == 1 ? first : Script);
                var result = await rig.ExecuteAsync(action).WaitAsync(TimeSpan.FromSeconds(30));
                if (result.ExecuteResponse is { Status: null or { Code: 0 } })
                    return result;
                Assert.True(attempt < MostAttempts, $"{result}");
            }
            catch (IOException) when (attempt < MostAttempts)
            {
                // The stream has ended, and with it the attempt.
            }
            await Task.Delay(Pause, TimeProvider.System);
        }
    }

    private static Digest Put(WorkerRig rig, string script)
    {
        var command = new Reapi.Command { Arguments = { "/bin/sh", "-c", script }, OutputPaths = { "out" } };
        command.EnvironmentVariables.Add(new Reapi.Command.Types.EnvironmentVariable
        {
            Name = "PATH",
            Value = "/usr/bin:/bin",
        });
        return rig.Put(new Reapi.Action
        {
            CommandDigest = rig.Put(command, DigestFunction.Sha256).ToWire(),
            InputRootDigest = rig.Put(new Reapi.Directory(), DigestFunction.Sha256).ToWire(),
        }, DigestFunction.Sha256);
    }

    private static bool Runs(string marker) => Directory.EnumerateDirectories("/proc").Any(process =>
    {
        try
        {
            return Encoding.UTF8.GetString(File.ReadAllBytes($"{process}/cmdline")).Contains(
                $"sleep\0{marker}", StringComparison.Ordinal);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });
}
