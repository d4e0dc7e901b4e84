using System.Globalization;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Tests.Processes;

/// <summary>
/// What only a PID namespace has: a holder, numbers of its own, and its use by one action after the
/// other. Needs root, or a user namespace of one's own.
/// </summary>
public sealed class PidNamespaceTests
{
    private const string MyNamespace = "readlink /proc/self/ns/pid";

    [SkippableFact]
    public async Task The_first_process_of_a_namespace_cannot_be_ended_from_within()
    {
        Workbench.Needs(ContainmentKind.PidNamespace);
        using var bench = new Workbench(ContainmentKind.PidNamespace);
        var own = new FileInfo("/proc/self/ns/pid").LinkTarget;
        var run = await bench.ShellAsync(
            $"[ \"$({MyNamespace})\" != '{own}' ] || exit 99; for s in KILL TERM STOP HUP INT SEGV; " +
            "do kill -$s 1 || exit 98; done; exit 5");
        Assert.Equal((5, ""), (run.Report.ExitCode, run.Error));
    }

    [SkippableFact]
    public async Task A_namespace_is_used_again_when_nothing_was_left_in_it_and_only_then()
    {
        Workbench.Needs(ContainmentKind.PidNamespace);
        using var bench = new Workbench(ContainmentKind.PidNamespace);
        var clean = (await bench.ShellAsync(MyNamespace)).Out;
        Assert.Equal(clean, (await bench.ShellAsync($"{MyNamespace}; setsid sleep 60 &")).Out);
        Assert.NotEqual(clean, (await bench.ShellAsync(MyNamespace)).Out);
        Assert.Empty(bench.Marked());
    }

    [SkippableFact]
    public async Task Actions_at_the_same_time_have_different_numbers()
    {
        Workbench.Needs(ContainmentKind.PidNamespace);
        using var bench = new Workbench(ContainmentKind.PidNamespace);
        var together = Path.Combine(bench.Directory, "together");
        var runs = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ =>
            bench.ShellAsync(
                $"echo $$; echo . >>{together}; while [ $(wc -l <{together}) -lt 4 ]; do sleep 0.01; done")));
        Assert.Equal(4, runs.Select(run => run.Out).Distinct().Count());
    }

    [SkippableFact]
    public async Task Orphans_that_end_leave_no_zombies()
    {
        Workbench.Needs(ContainmentKind.PidNamespace);
        using var bench = new Workbench(ContainmentKind.PidNamespace);
        var (made, go) = (Path.Combine(bench.Directory, "made"), Path.Combine(bench.Directory, "go"));
        var running = bench.ShellAsync(
            $"i=0; while [ $i -lt 50 ]; do (true & true); i=$((i+1)); done; {MyNamespace} >{made}; " +
            $"while [ ! -e {go} ]; do sleep 0.01; done");
        await Eventually.HoldsAsync(() => File.Exists(made) && new FileInfo(made).Length > 0, "the orphans are made");
        var holder = HolderOf((await File.ReadAllTextAsync(made)).Trim());
        await Eventually.HoldsAsync(() => ProcStat.Pids($"/proc/{holder}/task/{holder}/children").Count == 0,
            "they are gone, not dead");
        await File.WriteAllTextAsync(go, "");
        Assert.Equal(0, (await running).Report.ExitCode);
    }

    [SkippableFact]
    public async Task A_holder_that_is_killed_from_outside_takes_its_tree_with_it_as_the_workers_fault()
    {
        Workbench.Needs(ContainmentKind.PidNamespace);
        using var bench = new Workbench(ContainmentKind.PidNamespace);
        var plan = bench.Shell($"setsid sleep 60 & {MyNamespace}; sleep 60");
        var running = bench.FaultOfAsync(plan);
        await Eventually.HoldsAsync(() => File.Exists(plan.StdoutPath) && new FileInfo(plan.StdoutPath).Length > 0,
            "it runs");
        Kill(HolderOf((await File.ReadAllTextAsync(plan.StdoutPath)).Trim()));
        var fault = await running;
        Assert.Equal(FaultKind.Worker, fault.Kind);
        Assert.Contains("killed from outside", fault.Detail, StringComparison.Ordinal);
        Assert.Empty(bench.Marked());
        Assert.Equal(0, (await bench.ShellAsync("exit 0")).Report.ExitCode);
    }

    [SkippableFact]
    public async Task A_spare_namespace_whose_holder_was_killed_is_not_used()
    {
        Workbench.Needs(ContainmentKind.PidNamespace);
        using var bench = new Workbench(ContainmentKind.PidNamespace);
        var first = (await bench.ShellAsync(MyNamespace)).Out;
        var holder = HolderOf(first.Trim());
        Kill(holder);
        await Eventually.HoldsAsync(() => ProcStat.Read(holder) is not { } stat || ProcStat.State(stat) == 'Z',
            "it is dead");
        var second = await bench.ShellAsync(MyNamespace);
        Assert.Equal(0, second.Report.ExitCode);
        Assert.NotEqual(first, second.Out);
    }

    [SkippableTheory]
    [InlineData("time.sleep(60)")]
    [InlineData("os._exit(0)")]
    public async Task A_process_that_made_itself_a_child_of_the_worker_is_ended_too(string child)
    {
        Workbench.Needs(ContainmentKind.PidNamespace);
        using var bench = new Workbench(ContainmentKind.PidNamespace);
        // clone(CLONE_PARENT | SIGCHLD): with every pointer 0 the order of the others, which
        // differs by machine, does not matter.
        var clone = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture
            == System.Runtime.InteropServices.Architecture.X64 ? 56 : 220;
        var script = $"import ctypes, os, time\nif ctypes.CDLL(None).syscall({clone}, 0x8000 | 17, 0, 0, 0, " +
            $"0) == 0: {child}\ntime.sleep(0.1)\nos._exit(3)";
        var run = await bench.RunAsync(bench.Plan("/usr/bin/python3", "-c", script));
        Assert.Equal((3, ""), (run.Report.ExitCode, run.Error));
        Assert.Empty(bench.Marked());
        Assert.Equal(0, (await bench.ShellAsync("exit 0")).Report.ExitCode);
    }

    [SkippableFact]
    public async Task Nothing_is_left_of_the_namespaces_when_the_launcher_ends()
    {
        Workbench.Needs(ContainmentKind.PidNamespace);
        string name;
        using (var bench = new Workbench(ContainmentKind.PidNamespace)) name =
            (await bench.ShellAsync(MyNamespace)).Out.Trim();
        Assert.Equal(0, HolderOf(name));
    }

    /// <summary>The process that is PID 1 of a namespace, or 0.</summary>
    private static int HolderOf(string name) => ProcStat.Descendants(Environment.ProcessId).FirstOrDefault(pid =>
    {
        try
        {
            return new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/pid")).LinkTarget == name
                && File.ReadLines($"/proc/{pid}/status").Any(line => line.StartsWith("NSpid:", StringComparison.Ordinal)
                    && line.EndsWith("\t1", StringComparison.Ordinal));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });

    private static void Kill(int pid)
    {
        Assert.True(pid > 1);
        using var kill = System.Diagnostics.Process.Start(
            "kill", ["-KILL", pid.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }
}
