using Akka.Actor;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Library.Tests;

/// <summary>Processes that say a line, and then run until they are told to end.</summary>
internal sealed class SimulatedProcesses(IScheduler clock) : IProcessLauncher
{
    private const int Sigkill = 9;

    private volatile bool _running;

    /// <summary>Whether one runs that has not been told to end.</summary>
    public bool Running => _running;

    public string Description => "simulated processes";

    public async Task<ProcessReport> RunAsync(ProcessPlan plan, CancellationToken abort)
    {
        var started = clock.Now;
        plan.Clock?.Start(started);
        await File.WriteAllTextAsync(plan.StdoutPath, $"{plan.Arguments[0]} begins\n", CancellationToken.None);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _running = true;
        await using (abort.Register(() =>
        {
            _running = false;
            ended.SetResult();
        }))
            await ended.Task;
        return new ProcessReport(128 + Sigkill, Sigkill, Aborted: true, started, clock.Now, default);
    }
}
