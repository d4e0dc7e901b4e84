using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Tests.Processes;

/// <summary>What an action did to its own group does not reach the next one.</summary>
public sealed class CgroupReuseTests
{
    private const string MyGroup = "basename $(grep ^0:: /proc/self/cgroup)";

    [SkippableFact]
    public async Task A_group_is_used_again_when_nobody_has_written_to_it()
    {
        Workbench.Needs(ContainmentKind.Cgroup);
        using var bench = new Workbench(ContainmentKind.Cgroup);
        var first = await bench.ShellAsync(MyGroup);
        Assert.Equal(first.Out, (await bench.ShellAsync(MyGroup)).Out);
    }

    [SkippableTheory]
    [InlineData("echo 7 > $P/cgroup.max.depth")]
    [InlineData("mkdir $P/sub && echo $$ > $P/sub/cgroup.procs")]
    [InlineData("mkdir -p $P/sub/deep && rmdir $P/sub/deep")]
    [InlineData("for c in $(cat $P/cgroup.controllers); do echo +$c > $P/cgroup.subtree_control; done 2>/dev/null; " +
        "mkdir $P/sub; exit 0")]
    [InlineData("(sleep 0.3; echo 1 > $P/cgroup.freeze) & exit 0")]
    public async Task A_group_that_an_action_wrote_to_is_removed_and_the_next_actions_work(string script)
    {
        Workbench.Needs(ContainmentKind.Cgroup);
        using var bench = new Workbench(ContainmentKind.Cgroup);
        var root = RootOf(bench);
        var run = await bench.ShellAsync($"P={root}/$({MyGroup}); echo $P; {script}");
        Assert.Equal((0, ""), (run.Report.ExitCode, run.Error));
        foreach (var next in await Task.WhenAll(Enumerable.Range(0, 10)
            .Select(_ => bench.ShellAsync("exit 3")))) Assert.Equal(3, next.Report.ExitCode);
        await Eventually.HoldsAsync(() => !Directory.Exists(run.Out.Trim()), "the group is removed");
    }

    [SkippableFact]
    public async Task An_action_that_freezes_its_own_group_is_ended_by_an_abort()
    {
        Workbench.Needs(ContainmentKind.Cgroup);
        using var bench = new Workbench(ContainmentKind.Cgroup);
        using var abort = new CancellationTokenSource();
        var script = $"P={RootOf(bench)}/$({MyGroup}); echo 1 > $P/cgroup.freeze; sleep 60";
        var running = bench.RunAsync(bench.Shell(script), abort.Token);
        await Eventually.HoldsAsync(() => Workbench.InGroups(bench.Launcher, "cgroup.events").Any(IsFrozen),
            "it is frozen");
        await abort.CancelAsync();
        var run = await running;
        Assert.True(run.Report.Aborted);
        Assert.Equal(3, (await bench.ShellAsync("exit 3")).Report.ExitCode);
    }

    private static bool IsFrozen(string events) => events.Contains("frozen 1", StringComparison.Ordinal);

    private static string RootOf(Workbench bench) => Workbench.GroupsOf(bench.Launcher);
}
