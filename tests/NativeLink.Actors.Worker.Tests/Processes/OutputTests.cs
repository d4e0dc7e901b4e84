namespace NativeLink.Actors.Worker.Tests.Processes;

/// <summary>What an action says, by whatever way, and what it may do to the file that keeps it.</summary>
public sealed class OutputTests : IDisposable
{
    private readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData("echo aaaa; echo b > /dev/stdout; echo c", "aaaa\nb\nc\n", "")]
    [InlineData("echo one >&2; echo two | tee /dev/stderr >/dev/null; echo three >&2", "", "one\ntwo\nthree\n")]
    [InlineData("echo one >&2; echo two >> /dev/stderr; echo three >&2", "", "one\ntwo\nthree\n")]
    [InlineData("echo important-warning >&2; echo two > /dev/stderr", "", "important-warning\ntwo\n")]
    [InlineData("exec 2>&1; echo one >&2; echo two; echo three >/proc/self/fd/1", "one\ntwo\nthree\n", "")]
    [InlineData("printf a; (printf b) & wait; printf c > /dev/fd/1", "abc", "")]
    public async Task Whatever_opens_its_stream_again_by_name_loses_nothing_and_leaves_the_order(
        string script, string stdout, string stderr)
    {
        var run = await _bench.ShellAsync(script);
        Assert.Equal((0, stdout, stderr), (run.Report.ExitCode, run.Out, run.Error));
    }

    [Fact]
    public async Task Two_writers_of_one_stream_lose_no_line()
    {
        var run = await _bench.ShellAsync(
            "(for i in 1 2 3 4 5; do echo sub$i >> /dev/stderr; sleep 0.01; done) & for i in 1 2 3 4 5; " +
            "do echo main$i >&2; sleep 0.01; done; wait");
        var lines = run.Error.TrimEnd('\n').Split('\n');
        Assert.Equal(10, lines.Length);
        foreach (var writer in (string[])["sub", "main"])
            Assert.Equal(Enumerable.Range(1, 5).Select(i => $"{writer}{i}"),
                lines.Where(line => line.StartsWith(writer, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task What_is_said_can_be_read_while_the_action_runs()
    {
        using var abort = new CancellationTokenSource();
        var plan = _bench.Shell("echo first; sleep 0.05; echo second; sleep 60");
        var running = _bench.RunAsync(plan, abort.Token);
        await Eventually.HoldsAsync(() => File.Exists(plan.StdoutPath)
            && File.ReadAllText(plan.StdoutPath) == "first\nsecond\n", "both lines can be read");
        await abort.CancelAsync();
        Assert.Equal("first\nsecond\n", (await running).Out);
    }

    [Theory]
    [InlineData("rm -f $S; echo hi")]
    [InlineData("echo hi; sleep 0.1; rm $S")]
    [InlineData("echo hi; sleep 0.1; rm $S; mkfifo $S")]
    [InlineData("rm -f $S; mkfifo $S; echo hi")]
    [InlineData("echo hi; sleep 0.1; rm $S; ln -s /etc/hostname $S")]
    [InlineData("ln -s /etc/hostname $S; echo hi")]
    [InlineData("mkdir -p $S/sub; echo hi")]
    [InlineData("echo hi; sleep 0.1; mv $S $S.old; mkdir -p $S/sub")]
    [InlineData("echo hi; sleep 0.1; mv $S $S.old; echo ho > $S")]
    [InlineData("echo ho > $S; echo hi")]
    public async Task What_an_action_puts_in_place_of_its_spool_file_does_not_count(string script)
    {
        var plan = _bench.Plan("/bin/sh", "-c", script);
        var run = await _bench.RunAsync(plan with { Environment = [.. plan.Environment, new("S", plan.StdoutPath)] });
        Assert.Equal((0, "hi\n", ""), (run.Report.ExitCode, run.Out, run.Error));
        Assert.Null(new FileInfo(plan.StdoutPath).LinkTarget);
    }

    [Theory]
    [InlineData("mkfifo $S")]
    [InlineData("ln -s /etc/hostname $S")]
    [InlineData("echo ho > $S")]
    public async Task Who_says_nothing_has_no_spool_file_whatever_he_puts_there(string script)
    {
        var plan = _bench.Plan("/bin/sh", "-c", script);
        var run = await _bench.RunAsync(plan with { Environment = [.. plan.Environment, new("S", plan.StdoutPath)] });
        Assert.Equal((0, ""), (run.Report.ExitCode, run.Error));
        Assert.Null(new FileInfo(plan.StdoutPath).LinkTarget);
        Assert.False(File.Exists(plan.StdoutPath));
    }

    [Fact]
    public async Task A_spool_that_takes_no_more_is_told_and_ends_the_action()
    {
        Skip.IfNot(File.Exists("/dev/full"));
        var plan = _bench.Plan("/bin/sh", "-c", "exec 2>/dev/null; echo said; sleep 60");
        Directory.CreateDirectory(plan.StdoutPath + ".d");
        var fault = await _bench.FaultOfAsync(plan with
        {
            StdoutPath = Path.Combine(_bench.Directory, new string('x', 300)),
        }).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal((FaultKind.Worker, Grpc.Core.StatusCode.ResourceExhausted), (fault.Kind, fault.Code));
        Assert.Contains("stdout cannot be kept", fault.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_has_ended_is_not_held_up_by_others_that_say_much()
    {
        using var abort = new CancellationTokenSource();
        var flood = _bench.Plan("/bin/sh", "-c", "yes | head -c 2000000000 >&2") with { StderrPath = "" };
        var loud = _bench.Shell("while :; do head -c 1000000 /dev/zero; sleep 0.01; done");
        var (running, other) = (_bench.Launcher.RunAsync(flood, abort.Token),
            _bench.Launcher.RunAsync(loud, abort.Token));
        for (var i = 0; i < 20; i++) Assert.Equal($"{i}\n", (await _bench.ShellAsync($"echo {i}")).Out);
        await abort.CancelAsync();
        await Task.WhenAll(running, other);
    }

    [Fact]
    public async Task A_line_that_is_said_with_the_last_breath_is_kept()
    {
        for (var i = 0; i < 200; i++)
        {
            var run = await _bench.RunAsync(_bench.Plan("/bin/echo", "last"));
            Assert.Equal("last\n", run.Out);
        }
    }

    [Theory]
    [InlineData("/dev/null", "")]
    [InlineData("", "/dev/shm/said")]
    public async Task A_device_is_no_spool_file_as_what_stands_there_would_be_removed(string output, string error)
    {
        var fault = await _bench.FaultOfAsync(_bench.Plan("/bin/true") with
        {
            StdoutPath = output,
            StderrPath = error,
        });
        Assert.Equal(FaultKind.Worker, fault.Kind);
        Assert.Contains("/dev/", fault.Detail, StringComparison.Ordinal);
    }
}
