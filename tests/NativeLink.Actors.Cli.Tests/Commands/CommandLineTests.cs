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
        foreach (var word in new[] { "local", "exec", "check-config", "--worker-id", "--workers", "SIGTERM", "130",
            "143" })
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
    [InlineData(1, "a local cluster with its clients needs 344", "local")]
    [InlineData(1, "one action needs 272", "one.json5")]
    [InlineData(125, "one action needs 272", "exec", "--", "true")]
    public async Task Too_few_descriptors_are_said_before_anything_is_loaded(
        int expected, string who, params string[] arguments)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "nativelink-actors");
        var (code, _, stderr) = await Rig.Program.RunCommandAsync(
            [], ["prlimit", "--nofile=160:160", program, .. arguments]);

        Assert.Equal(expected, code);
        Assert.Equal(
            $"nativelink-actors: 160 open files are allowed (RLIMIT_NOFILE) and {who}: raise the limit (ulimit -n)\n",
            stderr);
    }

    [Theory]
    [InlineData("a configuration file is needed")]
    [InlineData("--no-such-switch", "--no-such-switch")]
    [InlineData("cannot be read", "no-such-file.json5")]
    [InlineData("unknown option '--frobnicate'", "--frobnicate")]
    [InlineData("unknown option '--frobnicate'", "check-config", "--frobnicate", "x")]
    [InlineData("unknown option '--frobnicate'; what belongs to the command stands after --", "exec", "--frobnicate",
        "--", "true")]
    [InlineData("unknown option '-l'", "exec", "ls", "-l")]
    [InlineData("and it is no command either", "lcoal")]
    [InlineData("it is a directory", "check-config", "/etc")]
    [InlineData("'w.json5' stands before 'local', where no file belongs", "w.json5", "local")]
    [InlineData("'--workers' stands before 'local', where it has no effect", "--workers", "2", "local")]
    [InlineData("--workers x: write a whole number", "local", "--workers", "x")]
    [InlineData("--workers 1.5: write a whole number", "one.json5", "--workers", "1.5")]
    [InlineData("--data /etc/passwd: it is a file, not a directory", "local", "--data", "/etc/passwd")]
    [InlineData("--data /etc/passwd/below: /etc/passwd is a file, not a directory", "local", "--data",
        "/etc/passwd/below")]
    [InlineData("--data /proc/x: it cannot be made", "local", "--data", "/proc/x")]
    [InlineData("name one", "one.json5", "--config", "two.json5")]
    [InlineData("at least 1", "one.json5", "--workers", "0")]
    [InlineData("--worker-id needs a name", "one.json5", "--worker-id", "")]
    [InlineData("use ERROR, WARN", "local", "--log-level", "LOUD")]
    [InlineData("IP:PORT", "local", "--listen", "somewhere")]
    [InlineData("64KiB", "one.json5", "--scratch-memory", "lots")]
    [InlineData("--drain-timeout soon: write a positive duration", "local", "--drain-timeout", "soon")]
    [InlineData("--drain-timeout -1: write a positive duration", "one.json5", "--drain-timeout", "-1")]
    [InlineData("hardlink", "local", "--materialiser", "magic")]
    [InlineData("0 or more", "local", "--workers", "-1")]
    [InlineData("--workers 99999999: at most 1000", "local", "--workers", "99999999")]
    [InlineData("--workers 1001: at most 1000", "one.json5", "--workers", "1001")]
    [InlineData("--data: the path is empty", "local", "--data", "")]
    [InlineData("--config: the path is empty", "local", "--config", "")]
    [InlineData("--config: the path is empty", "--config", "")]
    [InlineData("FILE: the path is empty", "")]
    [InlineData("FILE: the path is empty", "check-config", "")]
    [InlineData("--input: the path is empty", "exec", "--input", "", "--", "true")]
    [InlineData("--into: the path is empty", "exec", "--into", "", "--", "true")]
    [InlineData("--into /etc/passwd: it is a file, not a directory", "exec", "--into", "/etc/passwd", "--", "true")]
    [InlineData("/etc/passwd is a file, not a directory", "exec", "--into", "/etc/passwd/below", "--", "true")]
    [InlineData("has more than", "check-config", "/dev/zero")]
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
        Assert.DoesNotContain("report it", stderr, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("local")]
    [InlineData("exec")]
    [InlineData("check-config")]
    public async Task Help_of_a_command_does_not_show_the_worker_s_file(string command)
    {
        var (code, stdout, _) = await Rig.Program.RunAsync(command, "--help");

        Assert.Equal(0, code);
        Assert.Contains($"\n  nativelink-actors {command} ", stdout, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", stdout, StringComparison.Ordinal);
        Assert.Contains("\n  nativelink-actors [<FILE>]", (await Rig.Program.RunAsync("--help")).Out,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_argument_or_a_variable_that_is_not_UTF_8_is_refused_with_the_reason()
    {
        var (code, _, stderr) = await ShellAsync("""exec "$0" exec --env "A=$(printf 'b\377')" -- true""");
        Assert.Equal(2, code);
        Assert.Contains(@"the argument 'A=b\xff' is not UTF-8", stderr, StringComparison.Ordinal);
        var file = _directory.Write(
            "worker.json5", Configs.Worker(_directory.Path, "127.0.0.1:1", "127.0.0.1:1", "entrypoint: \"$STRANGE\","));
        (code, _, stderr) = await ShellAsync($"""STRANGE=$(printf 'c\377') exec "$0" check-config {file}""");
        Assert.Equal(2, code);
        Assert.Contains(@"the variable STRANGE=c\xff is not UTF-8", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_printed_is_one_line_and_no_stack()
    {
        var (code, _, stderr) = await ShellAsync("""exec "$0" --help >/dev/full""");
        Assert.Equal((1, "nativelink-actors: No space left on device\n"), (code, stderr));
        Assert.Equal((0, "", ""), await ShellAsync("""exec "$0" --help >&-"""));
        Assert.Equal((2, "", ""), await ShellAsync("""exec "$0" --frobnicate 2>/dev/full"""));
    }

    [Fact]
    public async Task Check_config_for_local_says_what_a_start_of_it_says()
    {
        var good = _directory.Write("good.json5", "{ stores: [], servers: [] }");
        var (code, stdout, _) = await Rig.Program.RunAsync("check-config", "--local", good);
        Assert.Equal(0, code);
        Assert.Contains("clients at 127.0.0.1:50051", stdout, StringComparison.Ordinal);
        var bad = _directory.Write("bad.json5", """
            { stores: [{ name: "F", fast_slow: { fast: { filesystem: { content_path: "/srv/none/c", temp_path: "/srv/none/t" } }, slow: { noop: {} } } }], schedulers: [{ name: "S", simple: { supported_platform_properties: { cpus: "minimum" } } }],
              workers: [{ local: { worker_api_endpoint: { uri: "grpc://127.0.0.1:1" }, cas_fast_slow_store: "F", work_directory: "/srv/none/w", upload_action_result: { upload_ac_results_strategy: "never" }, platform_properties: { cpus: { values: ["many"] } } } }],
              servers: [{ listener: { http: { socket_address: "127.0.0.1:7" } }, services: { cas: [{ cas_store: "F" }], execution: [{ cas_store: "F", scheduler: "S" }] } }] }
            """);
        var (checkedCode, _, said) = await Rig.Program.RunAsync("check-config", "--local", bad);
        var (startCode, _, saidAtStart) = await Rig.Program.RunAsync(
            "local", "--config", bad, "--data", _directory.At("data"));
        Assert.Equal((2, 2), (checkedCode, startCode));
        Assert.Contains("'cpus' is 'many', and the scheduler counts it as a minimum", said, StringComparison.Ordinal);
        Assert.Equal(said, saidAtStart);
    }

    [Fact]
    public async Task Check_config_says_what_is_wrong_with_a_command_without_running_it()
    {
        var ran = _directory.At("ran");
        var (code, _, said) = await CheckAsync(
            $$"""a: { query_cmd: "echo 'x" }, b: { query_cmd: "/no/such/program 1" }, c: { query_cmd: "touch {{ran}}" }""");
        Assert.Equal(2, code);
        Assert.Contains("query_cmd of property 'a': ", said, StringComparison.Ordinal);
        (code, var stdout, said) = await CheckAsync(
            $$"""b: { query_cmd: "/no/such/program 1" }, c: { query_cmd: "touch {{ran}}" }""");
        Assert.Equal(0, code);
        Assert.Contains("query_cmd of property 'b': there is no program '/no/such/program' on this machine",
            stdout + said, StringComparison.Ordinal);
        Assert.False(File.Exists(ran));
    }

    private Task<(int Code, string Out, string Error)> CheckAsync(string properties) =>
        Rig.Program.RunAsync("check-config", _directory.Write("commands.json5", $$"""
        { stores: [{ name: "F", fast_slow: { fast: { filesystem: { content_path: "/srv/none/c", temp_path: "/srv/none/t" } }, slow: { noop: {} } } }], servers: [],
          workers: [{ local: { worker_api_endpoint: { uri: "grpc://127.0.0.1:1" }, cas_fast_slow_store: "F", work_directory: "/srv/none/w", upload_action_result: { upload_ac_results_strategy: "never" },
            platform_properties: { {{properties}} } } }] }
        """));

    /// <summary>A line of shell in which <c>$0</c> is the program.</summary>
    private static Task<(int Code, string Out, string Error)> ShellAsync(string line) =>
        Rig.Program.RunCommandAsync([], "/bin/sh", "-c", line,
            Path.Combine(AppContext.BaseDirectory, "nativelink-actors"));

    [Fact]
    public async Task A_bad_level_in_the_environment_is_said_too()
    {
        var (code, _, stderr) = await Rig.Program.RunAsync(new Dictionary<string, string>
        {
            ["NL_LOG"] = "loud",
        }, "local");

        Assert.Equal(2, code);
        Assert.Contains("NL_LOG=loud", stderr, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("check-config")]
    [InlineData("--config")]
    public async Task Every_mistake_of_a_file_is_told_and_nothing_is_touched(string how)
    {
        var precious = _directory.Write("work/precious", "do not delete");
        var text = Configs.Worker(_directory.Path, "127.0.0.1:1", "127.0.0.1:1",
            "max_inflight_task: 3, max_action_timeout_s: \"soon\",");
        var file = _directory.Write("worker.json5", text.Replace(
            """cas_fast_slow_store: "STORE",""", """cas_fast_slow_store: "NOWHERE",""", StringComparison.Ordinal));

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
        var (code, _, stderr) = await Rig.Program.RunAsync(
            "check-config", _directory.Write("worker.json5", "{\n  stores: [\n"));

        Assert.Equal(2, code);
        Assert.Matches(@"worker\.json5:\d+:\d+", stderr);
    }

    [Fact]
    public async Task A_good_file_is_summed_up()
    {
        var file = _directory.Write(
            "worker.json5", Configs.Worker(_directory.Path, "127.0.0.1:50061", "127.0.0.1:50051"));

        var (code, stdout, _) = await Rig.Program.RunAsync("check-config", file);

        Assert.Equal(0, code);
        foreach (var part in new[] { "1 worker", "127.0.0.1:50061", "127.0.0.1:50051", _directory.At("work") })
            Assert.Contains(part, stdout, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_without_workers_is_no_worker()
    {
        var (code, _, stderr) = await Rig.Program.RunAsync(
            _directory.Write("empty.json5", "{ stores: [], servers: [] }"));

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
