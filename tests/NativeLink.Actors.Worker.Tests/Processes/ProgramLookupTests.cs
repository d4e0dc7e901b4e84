using Grpc.Core;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Tests.Processes;

public sealed class ProgramLookupTests : IDisposable
{
    private readonly Workbench _bench = new(busyBound: TimeSpan.FromSeconds(20));

    public void Dispose() => _bench.Dispose();

    [Fact]
    public async Task NL_046_The_process_sees_the_original_text_as_its_name_although_the_link_is_resolved()
    {
        File.CreateSymbolicLink(Path.Combine(_bench.Directory, "my_sh"), "/bin/sh");
        var run = await _bench.RunAsync(_bench.Plan("./my_sh", "-c", "printf '%s ' \"$0\"; readlink /proc/$$/exe"));
        Assert.StartsWith("./my_sh /", run.Out, StringComparison.Ordinal);
        Assert.DoesNotContain(_bench.Directory, run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NL_047_A_program_with_a_slash_is_relative_to_the_working_directory()
    {
        Script("wd/sub/t", "#!/bin/sh\necho tool\n");
        var plan = _bench.Plan("sub/../sub/t") with { WorkingDirectory = Path.Combine(_bench.Directory, "wd") };
        Assert.Equal("tool\n", (await _bench.RunAsync(plan)).Out);
    }

    [Fact]
    public async Task NL_049_A_name_is_found_in_the_PATH_of_the_action_and_not_of_the_worker()
    {
        Script("tools/sh", "#!/bin/sh\necho mine\n");
        var plan = _bench.Plan("sh") with { Environment = [new("PATH", $"/nowhere:{_bench.Directory}/tools:/bin")] };
        Assert.Equal("mine\n", (await _bench.RunAsync(plan)).Out);
        Assert.Equal("mine\n", (await _bench.RunAsync(plan with { Environment = [new("PATH", "tools")] })).Out);
        Assert.Equal(127, (await _bench.RunAsync(plan with
        {
            Environment = [new("PATH", "/nowhere")],
        })).Report.ExitCode);
    }

    [Fact]
    public async Task Without_a_PATH_the_default_of_the_C_library_is_searched() =>
        Assert.Equal(0, (await _bench.RunAsync(_bench.Plan("true") with { Environment = [] })).Report.ExitCode);

    [Theory]
    [InlineData("./missing")]
    [InlineData("/no/such/program")]
    [InlineData("no-such-program-at-all")]
    [InlineData("./plain/below-a-file")]
    [InlineData("./bad-interpreter")]
    [InlineData("")]
    public async Task A_missing_program_is_exit_code_127_with_one_clear_line(string program)
    {
        Script("plain", "#!/bin/sh\n", executable: false);
        Script("bad-interpreter", "#!/no/such/interpreter\n");
        var run = await _bench.RunAsync(_bench.Plan(program));
        Assert.Equal((127, 0, ""), (run.Report.ExitCode, run.Report.Signal, run.Out));
        Assert.Matches($"^nativelink-actors: .*not? .*\n$", run.Error);
    }

    [Theory]
    [InlineData("./plain")]
    [InlineData("plain")]
    [InlineData("./folder")]
    [InlineData("./no-shebang")]
    [InlineData("./loop")]
    public async Task A_program_that_may_not_run_is_exit_code_126_with_one_clear_line(string program)
    {
        Script("plain", "#!/bin/sh\n", executable: false);
        Script("no-shebang", "echo text\n");
        Directory.CreateDirectory(Path.Combine(_bench.Directory, "folder"));
        File.CreateSymbolicLink(Path.Combine(_bench.Directory, "loop"), "loop");
        var run = await _bench.RunAsync(_bench.Plan(program) with { Environment = [new("PATH", _bench.Directory)] });
        Assert.Equal((126, ""), (run.Report.ExitCode, run.Out));
        Assert.Matches("^nativelink-actors: .+\n$", run.Error);
    }

    [Fact]
    public async Task A_program_that_is_open_for_writing_is_tried_until_it_is_closed()
    {
        var path = Script("busy", "#!/bin/sh\necho ran\n");
        Task<Workbench.Result> running;
        await using (new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            running = _bench.RunAsync(_bench.Plan("./busy"));
            Assert.NotSame(running, await Task.WhenAny(running, _bench.ShellAsync("exit 0")));
        }

        Assert.Equal("ran\n", (await running).Out);
    }

    [Fact]
    public async Task A_program_that_stays_open_for_writing_is_exit_code_126()
    {
        using var bench = new Workbench(busyBound: TimeSpan.FromMilliseconds(50));
        var path = Path.Combine(bench.Directory, "busy");
        File.Copy("/bin/true", path);
        await using var writer = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        var run = await bench.RunAsync(bench.Plan("./busy"));
        Assert.Equal(126, run.Report.ExitCode);
        Assert.Contains("busy", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NL_050_A_command_that_cannot_be_passed_on_is_the_fault_of_the_action()
    {
        ProcessPlan[] wrong =
        [
            _bench.Plan(),
            _bench.Plan("/bin/echo", "a\0b"),
            _bench.Plan("/bin/true") with { Environment = [new("A=B", "c")] },
            _bench.Plan("/bin/true") with { Environment = [new("A", "c\0d")] },
            _bench.Plan("/bin/true") with { Environment = [new("", "c")] },
            _bench.Plan("/bin/echo", new string('x', 3_000_000)),
            _bench.Plan("/bin/true") with { WorkingDirectory = Path.Combine(_bench.Directory, "missing") },
            _bench.Plan("missing") with { WorkingDirectory = Path.Combine(_bench.Directory, "missing") },
        ];
        foreach (var plan in wrong)
        {
            var fault = await _bench.FaultOfAsync(plan);
            Assert.Equal((FaultKind.Action, StatusCode.InvalidArgument), (fault.Kind, fault.Code));
            Assert.NotEmpty(fault.Detail);
        }
    }

    [Fact]
    public async Task A_spool_that_cannot_be_made_is_the_fault_of_the_worker()
    {
        var plan = _bench.Plan("/bin/echo", "said") with
        {
            StdoutPath = Path.Combine(_bench.Directory, "missing", "out"),
        };
        Assert.Equal(FaultKind.Worker, (await _bench.FaultOfAsync(plan)).Kind);
    }

    private string Script(string name, string text, bool executable = true)
    {
        var path = Path.Combine(_bench.Directory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        File.SetUnixFileMode(path, executable ? (UnixFileMode)0x1ED : (UnixFileMode)0x1A4);
        return path;
    }
}
