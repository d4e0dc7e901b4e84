using System.Globalization;
using NativeLink.Actors.Worker.Processes;
using NativeLink.Actors.Worker.Processes.Containment;

namespace NativeLink.Actors.Worker.Tests.Processes;

/// <summary>What a worker that was killed leaves running is ended by the next one, and nothing else is.</summary>
public sealed class StaleProcessTests
{
    // Above any pid_max: nobody has this pid.
    private const long DeadOwner = 4_194_303;

    [SkippableFact]
    public async Task A_group_of_a_worker_that_is_no_more_is_emptied_and_removed_at_the_next_start()
    {
        Workbench.Needs(ContainmentKind.Cgroup);
        using var bench = new Workbench(ContainmentKind.Subreaper);
        using var cgroups = new Workbench(ContainmentKind.Cgroup);
        var mine = cgroups.Launcher.Description.Split(' ')
            .First(word => word.Contains("/nativelink-actors.", StringComparison.Ordinal)).TrimEnd(',');
        var parts = Path.GetFileName(mine).Split('.');
        var stale = Path.Combine(Path.GetDirectoryName(mine)!,
            $"{parts[0]}.{parts[1]}.{DeadOwner}.1.{Random.Shared.Next()}");
        var run = await WithNextStartAsync(bench, ContainmentKind.Cgroup,
            $"mkdir -p {stale}/1 && echo $$ > {stale}/1/cgroup.procs && echo in && exec sleep 60");
        Assert.Equal((9, false), (run.Report.Signal, run.Report.Aborted));
        Assert.False(Directory.Exists(stale));
        Assert.True(Directory.Exists(mine));
    }

    [Fact]
    public async Task A_process_with_the_mark_of_a_worker_that_is_no_more_is_ended_at_the_next_start()
    {
        using var bench = new Workbench();
        var mark = SubreaperContainment.Mark(ulong.Parse(ProcessIdentity.PidNamespace, CultureInfo.InvariantCulture),
            (int)DeadOwner, 1, 7);
        var run = await WithNextStartAsync(bench, ContainmentKind.Subreaper,
            $"echo in; exec prlimit --rttime={mark}: sleep 60");
        Assert.Equal((9, false), (run.Report.Signal, run.Report.Aborted));
    }

    [Fact]
    public async Task A_process_with_the_mark_of_a_worker_in_another_PID_namespace_is_left_alone()
    {
        using var bench = new Workbench();
        var elsewhere = ulong.Parse(ProcessIdentity.PidNamespace, CultureInfo.InvariantCulture) + 1;
        var mark = SubreaperContainment.Mark(elsewhere, (int)DeadOwner, 1, 7);
        var go = Path.Combine(bench.Directory, "go");
        var plan = bench.Shell(
            $"echo in; exec prlimit --rttime={mark}: sh -c 'while [ ! -e {go} ]; do sleep 0.05; done; exit 5'");
        var running = bench.RunAsync(plan);
        await Eventually.HoldsAsync(() => File.Exists(plan.StdoutPath) && new FileInfo(plan.StdoutPath).Length > 0,
            "it is there");
        for (var start = 0; start < 3; start++) Start(ContainmentKind.Subreaper);
        await File.WriteAllTextAsync(go, "");
        Assert.Equal(5, (await running).Report.ExitCode);
    }

    private static async Task<Workbench.Result> WithNextStartAsync(Workbench bench, ContainmentKind next, string script)
    {
        var plan = bench.Shell(script);
        var running = bench.RunAsync(plan);
        await Eventually.HoldsAsync(() => File.Exists(plan.StdoutPath) && new FileInfo(plan.StdoutPath).Length > 0,
            "the stale process is there");
        await Eventually.HoldsAsync(() => running.IsCompleted || Start(next), "a next start ends it");
        return await running;
    }

    private static bool Start(ContainmentKind kind)
    {
        using var bench = new Workbench(kind);
        return false;
    }
}
