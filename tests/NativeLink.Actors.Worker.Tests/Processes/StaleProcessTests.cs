using NativeLink.Actors.Worker.Processes;
using NativeLink.Actors.Worker.Processes.Containment;

namespace NativeLink.Actors.Worker.Tests.Processes;

/// <summary>What a worker that was killed leaves running is ended by the next one, and nothing else is.</summary>
public sealed class StaleProcessTests
{
    // Above any pid_max: nobody has this pid.
    private const long DeadOwner = 4_194_303;

    [Fact]
    public async Task A_group_of_a_worker_that_is_no_more_is_emptied_and_removed_at_the_next_start()
    {
        if (!Workbench.Works(ContainmentKind.Cgroup)) return; // Without the right to make groups there are none to be left.
        using var bench = new Workbench(ContainmentKind.Subreaper);
        using var cgroups = new Workbench(ContainmentKind.Cgroup);
        var mine = cgroups.Launcher.Description.Split(' ').First(word => word.Contains("/nativelink-actors.", StringComparison.Ordinal)).TrimEnd(',');
        var parts = Path.GetFileName(mine).Split('.');
        var stale = Path.Combine(Path.GetDirectoryName(mine)!, $"{parts[0]}.{parts[1]}.{DeadOwner}.1.{Random.Shared.Next()}");
        var run = await WithNextStartAsync(bench, ContainmentKind.Cgroup, $"mkdir -p {stale}/1 && echo $$ > {stale}/1/cgroup.procs && echo in && exec sleep 60");
        Assert.Equal((9, false), (run.Report.Signal, run.Report.Aborted));
        Assert.False(Directory.Exists(stale));
        Assert.True(Directory.Exists(mine));
    }

    [Fact]
    public async Task A_process_with_the_mark_of_a_worker_that_is_no_more_is_ended_at_the_next_start()
    {
        using var bench = new Workbench();
        var mark = (0x2AL << 56) | (DeadOwner << 34);
        var run = await WithNextStartAsync(bench, ContainmentKind.Subreaper, $"echo in; exec prlimit --rttime={mark}: sleep 60");
        Assert.Equal((9, false), (run.Report.Signal, run.Report.Aborted));
    }

    [Fact]
    public async Task A_child_that_waits_at_the_gate_of_a_worker_that_is_no_more_is_ended_at_the_next_start()
    {
        if (!Workbench.Works(ContainmentKind.Cgroup)) return; // No gates without groups.
        using var bench = new Workbench(ContainmentKind.Subreaper);
        using var child = new GateChild(bench.Shell("exit 0"), $"{ProcessIdentity.PidNamespace}.{DeadOwner}.1.");
        await bench.EventuallyAsync(() => child.IsAtGate, "the child is at its gate");
        await bench.EventuallyAsync(() => child.HasEnded || Start(ContainmentKind.Cgroup), "a next start ends it");
    }

    [Fact]
    public async Task A_child_that_waits_at_the_gate_of_a_live_worker_is_left_alone_by_the_start_of_another()
    {
        if (!Workbench.Works(ContainmentKind.Cgroup)) return;
        using var bench = new Workbench(ContainmentKind.Subreaper);
        using var child = new GateChild(bench.Shell("exit 0"), ProcessIdentity.Name);
        using var stale = new GateChild(bench.Shell("exit 0"), $"{ProcessIdentity.PidNamespace}.{DeadOwner}.1.");
        await bench.EventuallyAsync(() => child.IsAtGate && stale.IsAtGate, "the children are at their gates");
        await bench.EventuallyAsync(() => stale.HasEnded || Start(ContainmentKind.Cgroup), "the start of another ends the stale one");
        Assert.False(child.HasEnded);
        Assert.True(child.IsAtGate);
    }

    private static async Task<Workbench.Result> WithNextStartAsync(Workbench bench, ContainmentKind next, string script)
    {
        var plan = bench.Shell(script);
        var running = bench.RunAsync(plan);
        await bench.EventuallyAsync(() => File.Exists(plan.StdoutPath) && new FileInfo(plan.StdoutPath).Length > 0, "the stale process is there");
        await bench.EventuallyAsync(() => running.IsCompleted || Start(next), "a next start ends it");
        return await running;
    }

    private static bool Start(ContainmentKind kind)
    {
        using var bench = new Workbench(kind);
        return false;
    }
}
