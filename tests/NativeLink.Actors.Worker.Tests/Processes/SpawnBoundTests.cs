using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Tests.Processes;

/// <summary>A spawn that stands: the groups are frozen, so that a child is at its very beginning.</summary>
public sealed class SpawnBoundTests
{
    [SkippableFact]
    public async Task An_abort_ends_a_child_that_has_not_begun_its_program()
    {
        Workbench.Needs(ContainmentKind.Cgroup);
        // The bound is beyond every patience: what ends the child is the abort.
        using var bench = new Workbench(ContainmentKind.Cgroup, spawnBound: TimeSpan.FromMinutes(10));
        using var abort = new CancellationTokenSource();
        await FreezeAsync(bench.Launcher, "1");
        var standing = bench.Launcher.RunAsync(bench.Plan("/bin/true"), abort.Token);
        await Eventually.HoldsAsync(() => Workbench.CountInGroups(bench.Launcher) > 0, "the child is made");
        await abort.CancelAsync();
        var report = await standing.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal((137, true), (report.ExitCode, report.Aborted));
        await FreezeAsync(bench.Launcher, "0");
        Assert.Equal(3, (await bench.ShellAsync("exit 3")).Report.ExitCode);
    }

    [SkippableFact]
    public async Task An_abort_of_who_waits_while_all_lanes_stand_is_heard_at_once()
    {
        using var bench = new Workbench(ContainmentKind.Subreaper);
        using var launcher = await FrozenAsync(TimeSpan.FromMinutes(10));
        using var stop = new CancellationTokenSource();
        var standing = launcher.RunAsync(bench.Plan("/bin/true"), CancellationToken.None);
        var waiting = launcher.RunAsync(bench.Plan("/bin/true"), stop.Token);
        await stop.CancelAsync();
        var report = await waiting.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(report.Aborted);
        Assert.False(standing.IsCompleted);
        await FreezeAsync(launcher, "0");
        Assert.Equal(0, (await standing.WaitAsync(TimeSpan.FromSeconds(30))).ExitCode);
    }

    [SkippableFact]
    public async Task A_spawn_beyond_the_bound_is_the_fault_of_the_worker_and_its_lane_is_replaced()
    {
        using var bench = new Workbench(ContainmentKind.Subreaper);
        using var launcher = await FrozenAsync(TimeSpan.FromSeconds(1));
        var standing = launcher.RunAsync(bench.Plan("/bin/true"), CancellationToken.None);
        var fault = (await Assert.ThrowsAsync<FaultException>(
            () => standing.WaitAsync(TimeSpan.FromSeconds(30)))).Fault;
        Assert.Equal(FaultKind.Worker, fault.Kind);
        Assert.Contains("did not start within 1 s", fault.Detail, StringComparison.Ordinal);
        await FreezeAsync(launcher, "0");
        Assert.Equal(3, (await launcher.RunAsync(bench.Shell("exit 3"), CancellationToken.None)
            .WaitAsync(TimeSpan.FromSeconds(30))).ExitCode);
    }

    /// <summary>One lane, in which every spawn stands.</summary>
    private static async Task<PosixProcessLauncher> FrozenAsync(TimeSpan bound)
    {
        Workbench.Needs(ContainmentKind.Cgroup);
        var launcher = PosixProcessLauncher.Create(
            new ProcessLauncherOptions
            {
                Containment = ContainmentKind.Cgroup,
                SpawnBound = bound,
                Lanes = 1,
            }, TimeProvider.System, NullLogger.Instance);
        await FreezeAsync(launcher, "1");
        return launcher;
    }

    private static Task FreezeAsync(PosixProcessLauncher launcher, string value) =>
        File.WriteAllTextAsync(Workbench.GroupsOf(launcher) + "/cgroup.freeze", value);
}
