using NativeLink.Actors.Cli.Tests.Rig;

namespace NativeLink.Actors.Cli.Tests.Commands;

/// <summary><c>local</c>, workers as processes of their own, and what signals do: the real program.</summary>
public sealed class LocalTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    [Fact]
    public async Task Local_prints_the_lines_for_Bazel_and_runs_actions_until_SIGTERM()
    {
        var (local, client, _) = await Rig.Program.StartLocalAsync(_directory.At("data"), "--workers", "2");
        await using var stopping = local;

        var (code, stdout, _) = await ExecAsync(client, "echo hello");
        local.Signal("TERM");

        Assert.Equal((0, "hello\n"), (code, stdout));
        Assert.Equal(0, await local.ExitCodeAsync());
    }

    [Fact]
    public async Task Blobs_and_results_survive_a_restart()
    {
        var command = $"echo {Guid.NewGuid()}; date +%N";
        var outputs = new List<string>();
        for (var round = 0; round < 2; round++)
        {
            var (local, client, _) = await Rig.Program.StartLocalAsync(_directory.At("data"));
            await using var stopping = local;
            outputs.Add((await ExecAsync(client, command)).Out);
            local.Signal("TERM");
            Assert.Equal(0, await local.ExitCodeAsync());
        }

        Assert.Equal(outputs[0], outputs[1]);
    }

    [Fact]
    public async Task Two_clusters_cannot_share_a_data_directory()
    {
        var (local, _, _) = await Rig.Program.StartLocalAsync(_directory.At("data"), "--workers", "0");
        await using var stopping = local;

        var (code, _, stderr) = await Rig.Program.RunAsync(
            "local", "--listen", "127.0.0.1:0", "--worker-api-listen", "127.0.0.1:0", "--data", _directory.At("data"));

        Assert.Equal(2, code);
        Assert.Contains("another nativelink-actors uses it", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_that_is_taken_is_said()
    {
        var (local, client, _) = await Rig.Program.StartLocalAsync(_directory.At("data"), "--workers", "0");
        await using var stopping = local;

        var (code, _, stderr) = await Rig.Program.RunAsync(
            "local", "--listen", client, "--worker-api-listen", "127.0.0.1:0", "--data", _directory.At("other"));

        Assert.Equal(1, code);
        Assert.Equal(2, stderr.Split(client).Length);
    }

    [Fact]
    public async Task SIGTERM_lets_a_running_action_finish_and_exits_0()
    {
        await using var rig = await TwoProcesses.StartAsync(_directory);
        var marker = _directory.At("started");
        var action = ExecAsync(
            rig.Client, $"echo $$ >{marker}; while [ ! -e {marker}.go ]; do sleep 0.05; done; echo finished");
        await ProcessWatch.AppearedAsync(marker);

        rig.Worker.Signal("TERM");
        await rig.Worker.WaitForAsync("SIGTERM");
        await File.WriteAllTextAsync(marker + ".go", "");

        Assert.Equal((0, "finished\n"), (await action) is var (code, stdout, _) ? (code, stdout) : default);
        Assert.Equal(0, await rig.Worker.ExitCodeAsync());
    }

    [Fact]
    public async Task Clients_fetch_the_outputs_that_a_draining_cluster_has_answered_them_with()
    {
        var (local, client, _) = await Rig.Program.StartLocalAsync(
            _directory.At("data"), "--workers", "2", "--max-inflight", "4");
        await using var stopping = local;
        var (go, marks) = (_directory.At("go"), Enumerable.Range(1, 8).Select(i => _directory.At($"mark-{i}"))
            .ToList());
        var actions = marks.Select(mark => Rig.Program.RunAsync("exec", "--executor", client, "--output", "o", "--into",
            $"{mark}.out", "--env", "PATH=/usr/bin:/bin", "--", "/bin/sh", "-c",
            $"echo $$ >{mark}; while [ ! -e {go} ]; do sleep 0.05; done; echo {mark} >o")).ToList();
        foreach (var mark in marks)
            await ProcessWatch.AppearedAsync(mark);

        local.Signal("TERM");
        await local.WaitForAsync("SIGTERM");
        await File.WriteAllTextAsync(go, "");

        Assert.All(await Task.WhenAll(actions), static ended => Assert.Equal((0, ""), (ended.Code, ended.Out)));
        Assert.All(marks, static mark => Assert.Equal($"{mark}\n", File.ReadAllText($"{mark}.out/o")));
        Assert.Equal(0, await local.ExitCodeAsync());
    }

    [Fact]
    public async Task A_drain_is_cut_at_its_bound_and_the_log_names_what_was_ended()
    {
        var (local, client, _) = await Rig.Program.StartLocalAsync(_directory.At("data"), "--drain-timeout", "1s");
        await using var stopping = local;
        var marker = _directory.At("started");
        await using var exec = await StartLongActionAsync(client, marker);

        local.Signal("TERM");

        Assert.Equal(143, await local.ExitCodeAsync());
        Assert.Contains("the bound cut what still ran", local.Output, StringComparison.Ordinal);
        Assert.Matches("1 running operations are killed: [0-9a-f/-]+", local.Output);
        await ProcessWatch.GoneAsync(marker);
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM", "TERM")]
    public async Task NL_112_SIGINT_or_a_second_signal_ends_at_once_and_leaves_no_process(params string[] signals)
    {
        await using var rig = await TwoProcesses.StartAsync(_directory);
        var marker = _directory.At("started");
        await using var exec = await StartLongActionAsync(
            rig.Client, marker, $"(setsid sh -c 'sleep 61; : {marker}' &) ; ");
        exec.Signal("KILL");
        await exec.ExitCodeAsync();

        rig.Worker.Signal(signals[0]);
        foreach (var second in signals.Skip(1))
        {
            // Two signals of a kind at once would be one: the first has to be heard before the second is sent.
            await rig.Worker.WaitForAsync("SIGTERM");
            rig.Worker.Signal(second);
        }

        Assert.Equal(130, await rig.Worker.ExitCodeAsync());
        await ProcessWatch.GoneAsync(marker);
    }

    [Fact]
    public async Task SIGHUP_of_local_ends_within_seconds_and_leaves_no_process()
    {
        var (local, client, _) = await Rig.Program.StartLocalAsync(_directory.At("data"));
        await using var stopping = local;
        var marker = _directory.At("started");
        await using var exec = await StartLongActionAsync(client, marker);

        local.Signal("HUP");

        Assert.Equal(130, await local.ExitCodeAsync());
        await ProcessWatch.GoneAsync(marker);
    }

    [Fact]
    public async Task SIGHUP_lets_a_worker_s_running_action_finish_and_exits_0()
    {
        await using var rig = await TwoProcesses.StartAsync(_directory);
        var marker = _directory.At("started");
        var action = ExecAsync(
            rig.Client, $"echo $$ >{marker}; while [ ! -e {marker}.go ]; do sleep 0.05; done; echo finished");
        await ProcessWatch.AppearedAsync(marker);

        rig.Worker.Signal("HUP");
        await rig.Worker.WaitForAsync("SIGHUP");
        await File.WriteAllTextAsync(marker + ".go", "");

        Assert.Equal((0, "finished\n"), (await action) is var (code, stdout, _) ? (code, stdout) : default);
        Assert.Equal(0, await rig.Worker.ExitCodeAsync());
    }

    [Theory]
    [InlineData("--keep-for", "-1")]
    [InlineData("--keep-for", "525601")]
    [InlineData("--keep-for", "2147483647")]
    [InlineData("--keep-for", "NaN")]
    [InlineData("--keep-for", "99999999999")]
    [InlineData("--keep-for", "soon")]
    public async Task Minutes_that_are_none_are_refused(string option, string text)
    {
        var (code, _, stderr) = await Rig.Program.RunAsync("local", "--data", _directory.At("data"), option, text);

        Assert.Equal(2, code);
        Assert.Contains($"{option} {text}", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_killed_in_the_middle_costs_a_retry_not_the_action()
    {
        await using var rig = await TwoProcesses.StartAsync(_directory);
        var marker = _directory.At("started");
        var action = ExecAsync(
            rig.Client, $"if [ -e {marker} ]; then echo again; else echo $$ >{marker}; sleep 60; fi");
        await ProcessWatch.AppearedAsync(marker);

        rig.Worker.Signal("KILL");
        await using var second = rig.StartWorker("second");

        var (code, stdout, _) = await action;
        Assert.Equal((0, "again\n"), (code, stdout));
    }

    [Fact]
    public async Task NL_357_A_file_that_is_everything_starts_with_addresses_of_the_command_line()
    {
        var file = _directory.At("everything.json5");
        await File.WriteAllTextAsync(file, AllInOne("MAIN"));
        await using var local = Rig.Program.Start("local", "--config", file, "--listen", "127.0.0.1:0",
            "--worker-api-listen", "127.0.0.1:0");
        var client = (await local.WaitForAsync("--remote_executor=")).Split("grpc://")[1].Trim();

        var matching = await Rig.Program.RunAsync("exec", "--executor", client, "--instance", "main", "--property",
            "cpu_count=2", "--", "/bin/sh", "-c", "echo $FROM_FILE");
        var noNumber = await Rig.Program.RunAsync("exec", "--executor", client, "--instance", "main", "--property",
            "cpu_count=many", "--", "/bin/true");
        var elsewhere = await Rig.Program.RunAsync("exec", "--executor", client, "--instance", "other", "--",
            "/bin/true");
        local.Signal("TERM");

        Assert.Equal((0, "file\n"), (matching.Code, matching.Out));
        Assert.Equal(125, noNumber.Code);
        Assert.Contains("cpu_count", noNumber.Error, StringComparison.Ordinal);
        Assert.Equal(125, elsewhere.Code);
        Assert.Contains("other", elsewhere.Error, StringComparison.Ordinal);
        Assert.Equal(0, await local.ExitCodeAsync());
        Assert.NotEmpty(Directory.EnumerateFiles(_directory.At("cas"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_file_that_lacks_what_it_names_starts_nothing_and_says_what_and_where()
    {
        var file = _directory.At("lacking.json5");
        await File.WriteAllTextAsync(file, AllInOne("ANOTHER"));

        var (code, _, error) = await Rig.Program.RunAsync(
            "local", "--config", file, "--listen", "127.0.0.1:0", "--worker-api-listen", "127.0.0.1:0");

        Assert.Equal(2, code);
        Assert.Contains("there is no scheduler named 'ANOTHER'", error, StringComparison.Ordinal);
        Assert.Contains(file + ":", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory.At("cas")));
    }

    private string AllInOne(string scheduler) => $$"""
        { stores: [
            { name: "AC", filesystem: { content_path: "{{_directory.At("ac")}}", temp_path: "{{_directory.At("ac-tmp")}}" } },
            { name: "NEAR", fast_slow: { slow: { noop: {} },
                fast: { filesystem: { content_path: "{{_directory.At("cas")}}", temp_path: "{{_directory.At("tmp")}}", eviction_policy: { max_bytes: "1gb" } } } } } ],
          schedulers: [ { name: "MAIN", simple: { supported_platform_properties: { cpu_count: "minimum" }, client_action_timeout_s: 12 } } ],
          workers: [ { local: { worker_api_endpoint: { uri: "grpc://127.0.0.1:50061" }, cas_fast_slow_store: "NEAR", work_directory: "{{_directory.At("actions")}}",
                       additional_environment: { FROM_FILE: { value: "file" } }, upload_action_result: { ac_store: "AC" },
                       platform_properties: { cpu_count: { values: ["4"] } } } } ],
          servers: [
            { listener: { http: { socket_address: "0.0.0.0:50051" } }, services: {
                cas: [{ instance_name: "main", cas_store: "NEAR" }], ac: [{ instance_name: "main", ac_store: "AC" }], bytestream: [{ instance_name: "main", cas_store: "NEAR" }],
                execution: [{ instance_name: "main", cas_store: "NEAR", scheduler: "{{scheduler}}" }], capabilities: [{ instance_name: "main", remote_execution: { scheduler: "{{scheduler}}" } }] } },
            { listener: { http: { socket_address: "0.0.0.0:50061" } }, services: { worker_api: { scheduler: "MAIN" } } } ] }
        """;

    private static Task<(int Code, string Out, string Error)> ExecAsync(string client, string script) =>
        Rig.Program.RunAsync("exec", "--executor", client, "--env", "PATH=/usr/bin:/bin", "--", "/bin/sh", "-c",
            script);

    public void Dispose() => _directory.Dispose();

    /// <summary>
    /// A client whose action runs for a minute, and has
    /// begun; its processes are known by the marker.
    /// </summary>
    private static async Task<Rig.Program> StartLongActionAsync(string client, string marker, string first = "")
    {
        var exec = Rig.Program.Start("exec", "--executor", client, "--", "/bin/sh", "-c",
            $"{first}echo $$ >{marker}; sleep 60; true");
        await ProcessWatch.AppearedAsync(marker);
        return exec;
    }

    private sealed class TwoProcesses : IAsyncDisposable
    {
        private Rig.Program _cluster = null!;
        private string _file = "";

        public Rig.Program Worker { get; private set; } = null!;

        public string Client { get; private set; } = "";

        public static async Task<TwoProcesses> StartAsync(TempDirectory directory)
        {
            var rig = new TwoProcesses();
            (rig._cluster, rig.Client, var workerApi) = await Rig.Program.StartLocalAsync(
                directory.At("data"), "--workers", "0");
            rig._file = directory.Write("worker.json5", Configs.Worker(directory.At("worker"), workerApi, rig.Client));
            rig.Worker = rig.StartWorker("first");
            return rig;
        }

        public Rig.Program StartWorker(string id) =>
            Rig.Program.Start("--config", _file, "--worker", "--worker-id", id);

        public async ValueTask DisposeAsync()
        {
            await Worker.DisposeAsync();
            await _cluster.DisposeAsync();
        }
    }
}
