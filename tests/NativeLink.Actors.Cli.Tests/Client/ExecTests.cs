using System.Net;
using System.Net.Sockets;
using NativeLink.Actors.Cli.Tests.Rig;

namespace NativeLink.Actors.Cli.Tests.Client;

/// <summary><c>exec</c>, the real program, on a real pool.</summary>
public sealed class ExecTests(Pool pool) : IClassFixture<Pool>, IDisposable
{
    private readonly TempDirectory _directory = new();

    [Fact]
    public async Task Inputs_go_up_the_command_runs_and_outputs_come_back()
    {
        var script = _directory.Write("in/sub/make.sh",
            "mkdir -p tree/deep; echo \"$GREETING\" >tree/deep/file; ln -s deep/file tree/link; echo data >single; " +
            "chmod +x single");
        File.SetUnixFileMode(script, File.GetUnixFileMode(script) | UnixFileMode.UserExecute);

        var (code, stdout, stderr) = await ExecAsync(["--input", _directory.At("in"), "--output", "tree", "--output",
            "single", "--env", "GREETING=hello", "--env", "PATH=/usr/bin:/bin"],
            "sh", "-c", "test -x sub/make.sh && sh sub/make.sh && echo printed && echo wrong >&2");

        Assert.Equal(0, code);
        Assert.Equal("printed\n", stdout);
        Assert.Contains("wrong", stderr, StringComparison.Ordinal);
        Assert.Equal("hello\n", await File.ReadAllTextAsync(_directory.At("out/tree/deep/file")));
        Assert.Equal("deep/file", new FileInfo(_directory.At("out/tree/link")).LinkTarget);
        Assert.True(File.GetUnixFileMode(_directory.At("out/single")).HasFlag(UnixFileMode.UserExecute));
    }

    [Theory]
    [InlineData("exit 3", 3)]
    [InlineData("kill -9 $$", 137)]
    public async Task The_exit_code_is_the_actions(string script, int expected)
    {
        var (code, _, stderr) = await ExecAsync([], "/bin/sh", "-c", script);

        Assert.Equal(expected, code);
        Assert.Contains($"exit code {expected}", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_127_with_its_name()
    {
        var (code, _, stderr) = await ExecAsync([], "no-such-program-anywhere");

        Assert.Equal(127, code);
        Assert.Contains("no-such-program-anywhere", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_scheduler_gave_up_its_reason_is_told_and_no_blob_is_missed()
    {
        // A fifo cannot be an output: each attempt fails, and the last one's reason is the answer.
        var (code, stdout, stderr) = await ExecAsync(
            ["--output", "pipe", "--env", "PATH=/usr/bin:/bin"], "mkfifo", "pipe");

        Assert.Equal((125, ""), (code, stdout));
        Assert.Contains("the executor answered ", stderr, StringComparison.Ordinal);
        Assert.DoesNotContain("is not in the CAS", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_inherited_by_the_environment()
    {
        var (_, stdout, _) = await ExecAsync(["--env", "ONLY=this"], "/usr/bin/env");

        Assert.Equal("ONLY=this\n", stdout);
    }

    [Fact]
    public async Task A_second_run_is_answered_from_the_cache_unless_told_otherwise()
    {
        string[] command = ["/bin/sh", "-c", $"echo {Guid.NewGuid()}; date +%N"];

        var (_, first, _) = await ExecAsync([], command);
        var (_, second, note) = await ExecAsync([], command);
        var (_, third, _) = await ExecAsync(["--no-cache"], command);

        Assert.Equal(first, second);
        Assert.Contains("cached", note, StringComparison.Ordinal);
        Assert.NotEqual(first, third);
    }

    [Theory]
    [InlineData("exit 3", ">&-", 3, "")]
    [InlineData("echo out; echo err >&2; exit 3", "<&- >&- 2>&-", 3, "")]
    [InlineData("echo out; exit 4", ">/dev/full", 4, "the action's stdout cannot be written: No space left on device")]
    [InlineData("echo err >&2; exit 5", "2>/dev/full", 5, "")]
    public async Task With_streams_that_are_closed_or_full_the_exit_code_is_the_action_s(
        string script, string streams, int expected, string says)
    {
        var (code, _, stderr) = await Rig.Program.RunCommandAsync([], "/bin/sh", "-c",
            $"exec \"$0\" exec --executor {pool.Address} --no-cache -- /bin/sh -c '{script}' {streams}", Executable);

        Assert.Equal(expected, code);
        Assert.Contains(says, stderr, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Before_the_action_ran_the_code_is_125_whatever_the_streams_are()
    {
        var (code, stdout, stderr) = await Rig.Program.RunCommandAsync(
            [], "/bin/sh", "-c", "exec \"$0\" exec --executor 127.0.0.1:1 -- true >&- 2>/dev/full", Executable);

        Assert.Equal((125, "", ""), (code, stdout, stderr));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(6_000_000)]
    public async Task An_input_that_changed_or_went_after_it_was_read_is_named(int size)
    {
        var file = _directory.Write("in/changing", new string('a', size));
        var digest = NativeLink.Actors.Protocol.Hashing.BlobHasher.Compute(
            await File.ReadAllBytesAsync(file), NativeLink.Actors.Protocol.DigestFunction.Sha256);
        var blobs = new Dictionary<NativeLink.Actors.Protocol.Digest, NativeLink.Actors.Cli.Client.UploadBlob>
        {
            [digest] = new(null, file),
        };
        foreach (var (content, says) in new[] { (new string('b', size), "changed while it was read"),
            ("short", "changed while it was read"), (null, "cannot be read any more") })
        {
            File.Delete(file);
            if (content is not null)
                await File.WriteAllTextAsync(file, content);
            var error = await Assert.ThrowsAsync<NativeLink.Actors.Protocol.FaultException>(
                () => pool.Client.UploadAsync(blobs, default));
            Assert.Contains($"the input {file} {says}", error.Fault.Detail, StringComparison.Ordinal);
        }
    }

    private static string Executable => Path.Combine(AppContext.BaseDirectory, "nativelink-actors");

    [Fact]
    public async Task A_timeout_ends_the_action_and_keeps_what_it_printed()
    {
        var (code, stdout, stderr) = await ExecAsync(["--timeout", "500ms"], "/bin/sh", "-c", "echo before; sleep 60");

        Assert.NotEqual(0, code);
        Assert.Equal("before\n", stdout);
        Assert.Contains("DeadlineExceeded", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_stages_are_printed_with_their_times()
    {
        var (_, _, stderr) = await ExecAsync([], "/bin/true");

        foreach (var stage in new[] { "upload inputs", "queued", "fetch inputs", "run", "upload outputs",
            "get outputs" })
            Assert.Matches($"{stage} +[0-9.]+ m?s", stderr);
    }

    [Fact]
    public async Task An_output_that_was_not_made_is_a_warning()
    {
        var (code, _, stderr) = await ExecAsync(["--output", "nothing"], "/bin/true");

        Assert.Equal(0, code);
        Assert.Contains("did not produce 'nothing'", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_executor_at_the_address_is_said_and_is_125()
    {
        var (code, _, stderr) = await Rig.Program.RunAsync(
            "exec", "--executor", "grpc://127.0.0.1:1", "--", "/bin/true");

        Assert.Equal(125, code);
        Assert.Contains("no executor can be reached at 127.0.0.1:1", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_executor_a_cluster_of_its_own_runs_in_the_process()
    {
        var (code, stdout, stderr) = await Rig.Program.RunAsync("exec", "--", "/bin/sh", "-c", "echo alone; exit 5");

        Assert.Equal((5, "alone\n"), (code, stdout));
        Assert.Contains("starting a local cluster", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_interrupted_exec_ends_with_130_and_its_action_with_it()
    {
        var marker = _directory.At("started");
        await using var exec = Rig.Program.Start("exec", "--executor", pool.Address.Authority, "--", "/bin/sh", "-c",
            $"echo $$ >{marker}; sleep 60; true");
        await ProcessWatch.AppearedAsync(marker);

        exec.Signal("INT");

        Assert.Equal(130, await exec.ExitCodeAsync());
        await ProcessWatch.GoneAsync(marker);
    }

    [Fact]
    public async Task One_that_is_interrupted_before_the_executor_has_answered_ends_with_130_too()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        await using var exec = Rig.Program.Start("exec", "--executor", $"{silent.LocalEndpoint}", "--", "/bin/true");
        using var taken = await silent.AcceptTcpClientAsync();

        exec.Signal("TERM");

        Assert.Equal(130, await exec.ExitCodeAsync());
        Assert.Contains("exec: interrupted", exec.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("should not happen", exec.Output, StringComparison.Ordinal);
    }

    private Task<(int Code, string Out, string Error)> ExecAsync(string[] switches, params string[] command) =>
        Rig.Program.RunAsync(["exec", "--executor", pool.Address.Authority, "--into", _directory.At("out"), .. switches,
            "--", .. command]);

    public void Dispose() => _directory.Dispose();
}
