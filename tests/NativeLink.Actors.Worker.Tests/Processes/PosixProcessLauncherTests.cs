using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Tests.Processes;

public sealed class PosixProcessLauncherTests : IDisposable
{
    private readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(33)]
    [InlineData(255)]
    public async Task NL_033_Exit_codes_come_back_as_they_are(int code)
    {
        var run = await _bench.ShellAsync($"exit {code}");
        Assert.Equal((code, 0, false), (run.Report.ExitCode, run.Report.Signal, run.Report.Aborted));
        Assert.True(run.Report.Ended >= run.Report.Started);
    }

    [Theory]
    [InlineData(6)]
    [InlineData(9)]
    [InlineData(11)]
    [InlineData(13)]
    [InlineData(15)]
    public async Task NL_061_Death_by_a_signal_is_128_and_the_signal(int signal)
    {
        var run = await _bench.ShellAsync($"kill -{signal} $$");
        Assert.Equal((128 + signal, signal, false), (run.Report.ExitCode, run.Report.Signal, run.Report.Aborted));
    }

    [Fact]
    public async Task NL_016_Both_streams_go_to_their_spool_files()
    {
        var run = await _bench.ShellAsync("printf 'foo-stdout '; printf 'bar-stderr  ' >&2");
        Assert.Equal(("foo-stdout ", "bar-stderr  "), (run.Out, run.Error));
    }

    [Fact]
    public async Task NL_064_The_process_leads_its_own_session_and_group()
    {
        var run = await _bench.ShellAsync("echo $$; cat /proc/$$/stat");
        var (pid, stat) = (run.Out.Split('\n')[0], run.Out.Split('\n')[1]);
        Assert.Equal(pid, ProcStat.ProcessGroup(stat)?.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(pid, stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[3]);
    }

    [Fact]
    public async Task The_environment_is_exactly_the_given_one()
    {
        var plan = _bench.Plan("/usr/bin/env") with
        {
            Environment = [new("A", "1"), new("B", "two words"), new("EMPTY", ""), new("U", "ü€𝄞")],
        };
        var run = await _bench.RunAsync(plan);
        Assert.Equal(["A=1", "B=two words", "EMPTY=", "U=ü€𝄞"],
            run.Out.TrimEnd('\n').Split('\n').Order(StringComparer.Ordinal));
        Assert.Equal("", (await _bench.RunAsync(_bench.Plan("/usr/bin/env") with { Environment = [] })).Out);
    }

    [Fact]
    public async Task Stdin_is_empty_the_working_directory_is_set_and_the_umask_is_022()
    {
        var inner = Directory.CreateDirectory(Path.Combine(_bench.Directory, "in ner")).FullName;
        var run = await _bench.RunAsync(_bench.Shell("cat; pwd; umask; readlink /proc/self/fd/0") with
        {
            WorkingDirectory = inner,
        });
        Assert.Equal([inner, "0022", "/dev/null"], run.Out.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task No_other_descriptor_is_inherited()
    {
        // One opened without close-on-exec would be, if the launcher relied on the flag alone.
        using var leak = File.OpenHandle("/dev/zero");
        Assert.Equal(0, LibC.ClearCloseOnExec(leak));
        var run = await _bench.RunAsync(_bench.Plan("/bin/ls", "/proc/self/fd"));
        Assert.Equal(["0", "1", "2", "3"], run.Out.TrimEnd('\n').Split('\n')); // 3 is the directory that ls reads.
    }

    [Fact]
    public async Task Signals_are_at_their_defaults_and_none_is_blocked()
    {
        var run = await _bench.ShellAsync("grep -E 'Sig(Blk|Ign)' /proc/self/status; yes | head -n 1");
        Assert.Equal(["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000", "y"],
            run.Out.TrimEnd('\n').Split('\n'));
        Assert.Equal("", run.Error);
    }

    [Fact]
    public async Task NL_062_What_was_printed_before_an_abort_is_kept()
    {
        using var abort = new CancellationTokenSource();
        var plan = _bench.Shell("echo printed; echo half >&2; sleep 60");
        var running = _bench.RunAsync(plan, abort.Token);
        await Eventually.HoldsAsync(() => File.Exists(plan.StderrPath) && new FileInfo(plan.StderrPath).Length > 0,
            "it has printed");
        await abort.CancelAsync();
        var run = await running;
        Assert.Equal((137, 9, true), (run.Report.ExitCode, run.Report.Signal, run.Report.Aborted));
        Assert.Equal(("printed\n", "half\n"), (run.Out, run.Error));
    }

    [Fact]
    public async Task An_abort_before_the_start_starts_nothing()
    {
        var plan = _bench.Shell("echo ran");
        var report = await _bench.Launcher.RunAsync(plan, new CancellationToken(canceled: true));
        Assert.True(report.Aborted);
        Assert.False(File.Exists(plan.StdoutPath));
    }

    [Fact]
    public async Task A_thousand_runs_at_once_are_each_answered_with_their_own_result()
    {
        var runs = Enumerable.Range(0, 1000)
            .Select(i => _bench.RunAsync(_bench.Plan("/bin/sh", "-c", $"echo {i}; exit {i % 200}"))).ToList();
        var results = await Task.WhenAll(runs);
        for (var i = 0; i < results.Length; i++) Assert.Equal(
            (i % 200, $"{i}\n"), (results[i].Report.ExitCode, results[i].Out));
    }

    [Fact]
    public async Task Disposing_ends_what_runs_and_answers_it()
    {
        using var bench = new Workbench();
        var running = bench.RunAsync(bench.Shell("setsid sleep 60 & sleep 60"));
        await Eventually.HoldsAsync(() => bench.Marked().Count >= 3, "it runs");
        bench.Launcher.Dispose();
        Assert.True((await running).Report.Aborted);
        Assert.Empty(bench.Marked());
    }
}
