using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Tests.Processes;

/// <summary>
/// Who falls to the worker when its parent ends is
/// waited for at once, not when its action has ended.
/// </summary>
public sealed class OrphanTests
{
    [Fact]
    public async Task An_orphan_that_ends_while_its_action_runs_is_gone_at_once()
    {
        using var bench = new Workbench(ContainmentKind.Subreaper);
        var run = await bench.ShellAsync(
            "(setsid sleep 60 & echo $! > pid); p=$(cat pid); kill -9 $p; for i in $(seq 100); " +
            "do kill -0 $p 2>/dev/null || exit 0; sleep 0.05; done; exit 9");
        Assert.Equal((0, ""), (run.Report.ExitCode, run.Error));
    }

    [Fact]
    public async Task What_orphans_used_that_ended_while_their_action_ran_counts_as_its_own()
    {
        using var bench = new Workbench(ContainmentKind.Subreaper);
        var run = await bench.ShellAsync(
            "(setsid sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo > done' &); " +
            "while [ ! -e done ]; do sleep 0.05; done; sleep 0.2");
        Assert.True(run.Report.Usage.CpuTime > TimeSpan.FromMilliseconds(50), $"{run.Report.Usage.CpuTime}");
    }
}
