using System.Text;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Tests.Simulation;

/// <summary>
/// Processes that take their time, and leave what <see cref="SimActions"/> says; one that is aborted takes a moment to
/// end.
/// </summary>
internal sealed class SimLauncher(SimWorld world) : IProcessLauncher
{
    public string Description => "simulated";

    /// <summary>How many run now.</summary>
    public int Running { get; private set; }

    public async Task<ProcessReport> RunAsync(ProcessPlan plan, CancellationToken abort)
    {
        var started = world.Time.GetUtcNow();
        plan.Clock?.Start(started);
        world.Trace.Add($"launcher run {plan.Arguments[1]} in {plan.WorkingDirectory}");
        Running++;
        var aborted = false;
        try
        {
            await world.DelayAsync(1, world.Chance(0.1) ? 3000 : 200, abort);
        }
        catch (OperationCanceledException)
        {
            aborted = true;
            await world.DelayAsync(1, 30, CancellationToken.None);
        }
        Running--;
        if (!world.Disk.Exists(plan.WorkingDirectory))
            world.Wrong.Add($"{plan.WorkingDirectory} went while {plan.Arguments[1]} ran in it");
        else if (!aborted)
            SimActions.Leave(world.Disk, plan.WorkingDirectory, plan.Arguments[1]);
        world.Disk.Write(plan.StdoutPath, Encoding.UTF8.GetBytes($"{plan.Arguments[1]} says {aborted}"));
        world.Trace.Add($"launcher end {plan.Arguments[1]} aborted {aborted}");
        return new ProcessReport(aborted ? 137 : 0, aborted ? Signals.Kill : 0, aborted, started,
            world.Time.GetUtcNow(), default);
    }

    public void Dispose()
    {
    }
}
