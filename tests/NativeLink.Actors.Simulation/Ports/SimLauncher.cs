using System.Text;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Simulation.Ports;

/// <summary>
/// Processes that take their time, and leave what <see cref="SimActions"/> says; one that is ended takes a moment to
/// go, or longer.
/// </summary>
internal sealed class SimLauncher(SimWorld world, SimHost host) : IProcessLauncher
{
    /// <summary>What says whether an action may run.</summary>
    public const string Script = "/bin/may-run";

    private const int SegmentationFault = 11;

    private readonly List<SimRun> _alive = [];

    public string Description => "simulated";

    /// <summary>Those that run now.</summary>
    public IReadOnlyList<SimRun> Alive => _alive;

    /// <summary>How long processes have run so far.</summary>
    public TimeSpan Worked { get; private set; }

    public async Task<ProcessReport> RunAsync(ProcessPlan plan, CancellationToken abort)
    {
        if (plan.Arguments[0] == Script)
            return await RunScriptAsync(abort);
        var (action, operation) = (plan.Arguments[1], plan.Attempt!.Value.Operation.Value);
        if (world.Strike(SimFault.NoThread, operation))
        {
            await world.DelayAsync(1, 20, CancellationToken.None);
            throw new FaultException(FaultKind.Worker, "no process can be made: Resource temporarily unavailable");
        }
        var run = new SimRun(world.NextNumber(), host, host.WorkerOf(plan.Attempt.Value), operation, action,
            plan.WorkingDirectory, world.Now);
        var began = world.Time.GetUtcNow();
        plan.Clock?.Start(began);
        world.Trace.Add($"launcher {run.Says} of {operation} in {run.Directory}");
        _alive.Add(run);
        world.Tell(checker => checker.RunBegan(run));
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(abort);
        run.End = ended.Cancel;
        var crashes = world.Strike(SimFault.ProcessCrashes, operation);
        try
        {
            await world.DelayAsync(1, SimActions.MostMilliseconds(action), ended.Token);
        }
        catch (OperationCanceledException)
        {
            if (host.Errs(Planted.UnendedProcess))
                return new ProcessReport(128 + Signals.Kill, Signals.Kill, true, began, world.Time.GetUtcNow(),
                    default);
            run.Aborted = world.Now;
            foreach (var other in _alive.Where(other => other.Operation == operation && other.Aborted is null
                && host.Errs(Planted.KillHeardBySibling)).ToList())
            {
                world.Trace.Add($"planted {other.Says} of {other.Operation}");
                other.End();
            }
            await world.DelayAsync(1, world.Strike(SimFault.ProcessDeaf, operation) ? 15_000 : 30, default);
        }
        var signal = run.Aborted is not null ? Signals.Kill : crashes ? SegmentationFault : 0;
        run.ExitCode = signal > 0 ? 128 + signal : SimActions.ExitCode(action);
        End(run, plan, crashes);
        return new ProcessReport(run.ExitCode, signal, run.Aborted is not null, began, world.Time.GetUtcNow(),
            default);
    }

    private async Task<ProcessReport> RunScriptAsync(CancellationToken abort)
    {
        var began = world.Now;
        try
        {
            await world.DelayAsync(1, 30, abort);
        }
        catch (OperationCanceledException)
        {
            return new ProcessReport(128 + Signals.Kill, Signals.Kill, true, began, world.Now, default);
        }
        return new ProcessReport(world.Chance(0.2) && !world.Faults.Over ? 1 : 0, 0, false, began, world.Now, default);
    }

    private void End(SimRun run, ProcessPlan plan, bool crashed)
    {
        run.Ended = world.Now;
        Worked += world.Now - run.Began;
        _alive.Remove(run);
        if (!host.Disk.Exists(run.Directory))
            world.Violate($"{run.Directory} went while {run.Says} of {run.Operation} ran in it");
        else
        {
            if (run.Aborted is null && !crashed)
                SimActions.Leave(host.Disk, run.Directory, run.Action);
            host.Disk.Write(plan.StdoutPath, Encoding.UTF8.GetBytes(run.Says));
        }
        world.Trace.Add($"launcher end {run.Says} of {run.Operation} aborted {run.Aborted is not null}");
        world.Tell(checker => checker.RunEnded(run));
    }
}
