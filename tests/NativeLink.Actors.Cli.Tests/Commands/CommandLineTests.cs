using NativeLink.Actors.Cli.Tests.Rig;

namespace NativeLink.Actors.Cli.Tests.Commands;

/// <summary>The command line as a user meets it: the real program.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    [Fact]
    public async Task Help_names_every_command_and_what_signals_do()
    {
        var (code, stdout, _) = await Rig.Program.RunAsync("--help");

        Assert.Equal(0, code);
        foreach (var word in new[] { "local", "exec", "check-config", "--worker-id", "--workers", "SIGTERM", "130", "143" })
            Assert.Contains(word, stdout, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Version_says_what_it_speaks()
    {
        var (code, stdout, _) = await Rig.Program.RunAsync("--version");

        Assert.Equal(0, code);
        Assert.Matches(@"^nativelink-actors \d+\.\d+\.\d+.*NativeLink 1\.6\.6.*Remote Execution API", stdout);
    }

    [Theory]
    [InlineData("a configuration file is needed")]
    [InlineData("--no-such-switch", "--no-such-switch")]
    [InlineData("cannot be read", "no-such-file.json5")]
    [InlineData("name one", "one.json5", "--config", "two.json5")]
    [InlineData("at least 1", "one.json5", "--workers", "0")]
    [InlineData("--worker-id needs a name", "one.json5", "--worker-id", "")]
    [InlineData("use ERROR, WARN", "local", "--log-level", "LOUD")]
    [InlineData("IP:PORT", "local", "--listen", "somewhere")]
    [InlineData("64KiB", "one.json5", "--scratch-memory", "lots")]
    [InlineData("hardlink", "local", "--materialiser", "magic")]
    [InlineData("0 or more", "local", "--workers", "-1")]
    [InlineData("at least 1", "local", "--max-inflight", "0")]
    [InlineData("'COMMAND'", "exec")]
    [InlineData("30s", "exec", "--timeout", "soon", "--", "true")]
    [InlineData("without '..'", "exec", "--output", "../out", "--", "true")]
    [InlineData("NAME=VALUE", "exec", "--env", "novalue", "--", "true")]
    [InlineData("grpc:// or grpcs://", "exec", "--executor", "ftp://x:1", "--", "true")]
    [InlineData("no such directory", "exec", "--executor", "127.0.0.1:1", "--input", "/no/such/dir", "--", "true")]
    public async Task What_cannot_be_meant_is_said_and_is_2(string says, params string[] arguments)
    {
        var (code, _, stderr) = await Rig.Program.RunAsync(arguments);

        Assert.Equal(2, code);
        Assert.Contains(says.Trim('\''), stderr, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_bad_level_in_the_environment_is_said_too()
    {
        var (code, _, stderr) = await Rig.Program.RunAsync(new Dictionary<string, string> { ["NL_LOG"] = "loud" }, "local");

        Assert.Equal(2, code);
        Assert.Contains("NL_LOG=loud", stderr, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("check-config")]
    [InlineData("--config")]
    public async Task Every_mistake_of_a_file_is_told_and_nothing_is_touched(string how)
    {
        var precious = _directory.Write("work/precious", "do not delete");
        var text = Configs.Worker(_directory.Path, "127.0.0.1:1", "127.0.0.1:1", "max_inflight_task: 3, max_action_timeout_s: \"soon\",");
        var file = _directory.Write("worker.json5", text.Replace("""cas_fast_slow_store: "STORE",""", """cas_fast_slow_store: "NOWHERE",""", StringComparison.Ordinal));

        var (code, _, stderr) = await Rig.Program.RunAsync(how, file);

        Assert.Equal(2, code);
        foreach (var mistake in new[] { "max_inflight_task", "max_action_timeout_s", "NOWHERE" })
            Assert.Matches($@"worker\.json5:\d+:\d+ .*{mistake}", stderr);
        Assert.Equal("do not delete", await File.ReadAllTextAsync(precious));
        Assert.False(Directory.Exists(_directory.At("store")));
    }

    [Fact]
    public async Task A_file_that_is_no_JSON5_is_told_with_its_place()
    {
        var (code, _, stderr) = await Rig.Program.RunAsync("check-config", _directory.Write("worker.json5", "{\n  stores: [\n"));

        Assert.Equal(2, code);
        Assert.Matches(@"worker\.json5:\d+:\d+", stderr);
    }

    [Fact]
    public async Task A_good_file_is_summed_up()
    {
        var file = _directory.Write("worker.json5", Configs.Worker(_directory.Path, "127.0.0.1:50061", "127.0.0.1:50051"));

        var (code, stdout, _) = await Rig.Program.RunAsync("check-config", file);

        Assert.Equal(0, code);
        foreach (var part in new[] { "1 worker", "127.0.0.1:50061", "127.0.0.1:50051", _directory.At("work") })
            Assert.Contains(part, stdout, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_without_workers_is_no_worker()
    {
        var (code, _, stderr) = await Rig.Program.RunAsync(_directory.Write("empty.json5", "{ stores: [], servers: [] }"));

        Assert.Equal(2, code);
        Assert.Contains("has no worker", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_work_directory_with_something_else_in_it_is_refused_and_kept()
    {
        var precious = _directory.Write("work/precious", "do not delete");
        var file = _directory.Write("worker.json5", Configs.Worker(_directory.Path, "127.0.0.1:1", "127.0.0.1:1"));

        var (code, _, stderr) = await Rig.Program.RunAsync(file);

        Assert.NotEqual(0, code);
        Assert.Contains(_directory.At("work"), stderr, StringComparison.Ordinal);
        Assert.Equal("do not delete", await File.ReadAllTextAsync(precious));
    }

    public void Dispose() => _directory.Dispose();
}
