namespace NativeLink.Actors.Worker.Processes;

/// <summary>
/// The one door to processes: everything that is ever spawned (actions, precondition scripts,
/// property queries) goes through here. Safe for several threads.
/// </summary>
public interface IProcessLauncher
{
    /// <summary>One line for the log: how process trees are contained here, and why not better.</summary>
    string Description { get; }

    /// <summary>
    /// Spawns the process and waits until its tree is gone. Cancelling
    /// ends the tree (SIGKILL is certain) and then completes normally,
    /// with <see cref="ProcessReport.Aborted"/> set, within a bound.
    /// </summary>
    /// <param name="plan">What to run. What the process says is to be in the plan's spool files
    /// when this completes, and what it leaves in its working directory.</param>
    /// <param name="abort">Ends it.</param>
    /// <exception cref="FaultException">Worker: nothing could be spawned.</exception>
    Task<ProcessReport> RunAsync(ProcessPlan plan, CancellationToken abort);
}
