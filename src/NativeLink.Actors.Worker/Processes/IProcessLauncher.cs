namespace NativeLink.Actors.Worker.Processes;

/// <summary>
/// The one door to processes: everything that is ever spawned (actions, precondition scripts,
/// property queries) goes through here.
/// </summary>
internal interface IProcessLauncher : IDisposable
{
    /// <summary>One line for the log: how process trees are contained here, and why not better.</summary>
    string Description { get; }

    /// <summary>
    /// Spawns the process and waits until its tree is gone. Cancelling
    /// ends the tree (SIGKILL is certain) and then completes normally,
    /// with <see cref="ProcessReport.Aborted"/> set, within a bound.
    /// </summary>
    /// <exception cref="FaultException">Worker: nothing could be spawned.</exception>
    Task<ProcessReport> RunAsync(ProcessPlan plan, CancellationToken abort);
}
