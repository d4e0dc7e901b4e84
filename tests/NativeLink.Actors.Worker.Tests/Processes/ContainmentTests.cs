using System.Diagnostics;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Tests.Processes;

public sealed class ContainmentTests
{
    // A shell that leaves the session, a double fork, and one that has closed everything it could be known by.
    private const string Daemons =
        "setsid sleep 61 & (sleep 62 &) ; (setsid sh -c 'cd /; exec sleep 63' </dev/null >/dev/null 2>&1 &); ";

    // Half of what the shortest of them would take by itself: so slow is no machine.
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(30);

    public static TheoryData<string> Kinds() => Workbench.Kinds();

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task NL_051_NL_124_NL_125_An_abort_ends_the_whole_tree(string kind)
    {
        Workbench.Needs(kind);
        using var bench = new Workbench(kind);
        using var abort = new CancellationTokenSource();
        var running = bench.RunAsync(bench.Shell(Daemons + "sleep 64; :"), abort.Token);
        await Eventually.HoldsAsync(() => bench.Marked().Count >= 5, "the tree runs");
        var began = Stopwatch.GetTimestamp();
        await abort.CancelAsync();
        var report = (await running).Report;
        Assert.Empty(bench.Marked());
        Assert.Equal((137, true), (report.ExitCode, report.Aborted));
        Assert.True(Stopwatch.GetElapsedTime(began) < AtOnce);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task NL_063_A_normal_exit_ends_what_was_left_behind_at_once(string kind)
    {
        Workbench.Needs(kind);
        using var bench = new Workbench(kind);
        var began = Stopwatch.GetTimestamp();
        var run = await bench.ShellAsync(Daemons + "sleep 60 & echo done; exit 7");
        Assert.Empty(bench.Marked());
        Assert.Equal((7, false, "done\n"), (run.Report.ExitCode, run.Report.Aborted, run.Out));
        Assert.True(Stopwatch.GetElapsedTime(began) < AtOnce);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task One_action_that_ends_leaves_the_others_alone(string kind)
    {
        Workbench.Needs(kind);
        using var bench = new Workbench(kind);
        using var abort = new CancellationTokenSource();
        var go = Path.Combine(bench.Directory, "go");
        var kept = bench.RunAsync(
            bench.Shell(
                $"(setsid sh -c 'while [ ! -e {go} ]; do sleep 0.05; done; echo kept > {go}.kept' &) ; " +
                $"while [ ! -e {go}.kept ]; do sleep 0.05; done"));
        var ended = bench.RunAsync(bench.Shell(Daemons + "sleep 64; :"), abort.Token);
        await Eventually.HoldsAsync(() => bench.Marked().Count >= 7, "both run");
        await abort.CancelAsync();
        Assert.True((await ended).Report.Aborted);
        await File.WriteAllTextAsync(go, "");
        Assert.Equal(0, (await kept).Report.ExitCode);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_tree_that_keeps_forking_is_ended(string kind)
    {
        Workbench.Needs(kind);
        using var bench = new Workbench(kind);
        using var abort = new CancellationTokenSource();
        var running = bench.RunAsync(
            bench.Shell("f() { while :; do sleep 0.01; (sleep 0.02 &); done; }; f & f & f & wait"), abort.Token);
        await Eventually.HoldsAsync(() => bench.Marked().Count >= 6, "it forks");
        await abort.CancelAsync();
        Assert.True((await running).Report.Aborted);
        Assert.Empty(bench.Marked());
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task Every_run_of_many_in_parallel_is_in_a_tree_of_its_own(string kind)
    {
        Workbench.Needs(kind);
        using var bench = new Workbench(kind);
        var runs = await Task.WhenAll(Enumerable.Range(0, 200)
            .Select(i => bench.ShellAsync($"setsid sleep 60 & echo {i}")));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"{i}\n"), runs.Select(run => run.Out));
        Assert.All(runs, run => Assert.False(run.Report.Aborted));
        Assert.Empty(bench.Marked());
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task Usage_covers_the_tree_also_of_a_short_action(string kind)
    {
        Workbench.Needs(kind);
        using var bench = new Workbench(kind);
        var small = (await bench.RunAsync(bench.Plan("/bin/true"))).Report.Usage;
        Assert.InRange(small.PeakMemoryKiB, 1, 20_000);
        Assert.False(small.OutOfMemory);

        var big = (await bench.ShellAsync(
            "x=$(head -c 300000000 /dev/zero | tr '\\0' x | head -c 300000000); exit 0")).Report.Usage;
        Assert.InRange(big.PeakMemoryKiB, 250_000, 3_000_000);

        var busy = (await bench.ShellAsync("i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done")).Report.Usage;
        Assert.InRange(busy.CpuTime, TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(30));
        // By the measure of this machine: the start of a program is little beside a shell that counts.
        Assert.True(small.CpuTime < busy.CpuTime, $"{small.CpuTime}, and {busy.CpuTime} of the busy one");
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task Every_exit_code_and_every_deadly_signal_comes_back(string kind)
    {
        Workbench.Needs(kind);
        using var bench = new Workbench(kind);
        var codes = await Task.WhenAll(Enumerable.Range(0, 256).Select(code => bench.ShellAsync($"exit {code}")));
        Assert.Equal(Enumerable.Range(0, 256).Select(code => (code, 0)),
            codes.Select(run => (run.Report.ExitCode, run.Report.Signal)));
        int[] signals = [1, 2, 3, 6, 9, 11, 13, 15];
        var deaths = await Task.WhenAll(signals.Select(signal => bench.ShellAsync($"kill -{signal} $$; sleep 60")));
        Assert.Equal(signals.Select(signal => (128 + signal, signal, false)),
            deaths.Select(run => (run.Report.ExitCode, run.Report.Signal, run.Report.Aborted)));
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task NL_127_There_is_no_answer_while_it_runs_and_then_there_is_the_exit_code(string kind)
    {
        Workbench.Needs(kind);
        using var bench = new Workbench(kind);
        var go = Path.Combine(bench.Directory, "go");
        var running = bench.ShellAsync($"while [ ! -e {go} ]; do sleep 0.01; done; exit 7");
        await Eventually.HoldsAsync(() => bench.Marked().Count >= 1, "it runs");
        Assert.False(running.IsCompleted);
        await File.WriteAllTextAsync(go, "");
        Assert.Equal(7, (await running).Report.ExitCode);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_grandchild_that_holds_a_pipe_does_not_hold_the_action(string kind)
    {
        Workbench.Needs(kind);
        using var bench = new Workbench(kind);
        var run = await bench.ShellAsync("(setsid sh -c 'echo deep; exec sleep 60' | cat) & sleep 0.2; echo done");
        Assert.Equal((0, false), (run.Report.ExitCode, run.Report.Aborted));
        Assert.EndsWith("done\n", run.Out, StringComparison.Ordinal);
        Assert.Empty(bench.Marked());
    }

    [Fact]
    public void The_description_says_how_certain_it_is()
    {
        using var bench = new Workbench(ContainmentKind.Subreaper);
        Assert.Contains("best effort", bench.Launcher.Description, StringComparison.Ordinal);
        using var automatic = new Workbench();
        Assert.Contains(Workbench.CountOfWorking() > 1 ? "certain" : "best effort", automatic.Launcher.Description,
            StringComparison.Ordinal);
    }
}
