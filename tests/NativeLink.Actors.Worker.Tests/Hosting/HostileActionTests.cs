using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Testing.Workers;

namespace NativeLink.Actors.Worker.Tests.Hosting;

/// <summary>
/// Actions that mean harm, through a whole worker with copies as
/// input roots, which the kernel keeps apart least: the right answer,
/// one of it, and nothing touched outside of the action's directory.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001",
    Justification = "xUnit ends it by IAsyncLifetime.")]
public sealed class HostileActionTests : IAsyncLifetime
{
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(2);

    private readonly TempDirectory _directory = new();
    private WorkerRig _rig = null!;

    private string Canary => _directory.At("canary");

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(Canary);
        await File.WriteAllTextAsync(Path.Combine(Canary, "f"), "untouched");
        _rig = await WorkerRig.StartAsync(_directory.At("rig"), "copy", NullLoggerFactory.Instance);
    }

    public async Task DisposeAsync()
    {
        await _rig.DisposeAsync();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("ln -s \"$CANARY\" d", "d/f")]
    [InlineData("mkdir d; ln -s ../../../../../canary d/up", "d/up/f")]
    [InlineData("mv ../work ../elsewhere; ln -s \"$CANARY\" ../work", "f")]
    [InlineData("rm -rf ../work; ln -s \"$CANARY\" ../work", "f")]
    public async Task What_a_link_of_the_action_leads_to_outside_is_no_output_and_stays_where_it_is(
        string script, string output)
    {
        var response = await RunAsync(script + "; exit 3", output);
        Assert.Equal((3, 0), (response.Result.ExitCode, response.Status?.Code ?? 0));
        Assert.Empty(response.Result.OutputFiles);
        Assert.Equal("untouched", await File.ReadAllTextAsync(Path.Combine(Canary, "f")));
    }

    [Fact]
    public async Task An_action_that_removes_its_own_root_has_its_exit_code_and_no_outputs()
    {
        var response = await RunAsync("echo made > out; cd ..; rm -rf work; exit 4", "out");
        Assert.Equal((4, 0), (response.Result.ExitCode, response.Status?.Code ?? 0));
        Assert.Empty(response.Result.OutputFiles);
    }

    [Theory]
    [InlineData("mkfifo out")]
    [InlineData("mknod out c 7 7 || mkfifo out")]
    [InlineData("ln -s /dev/zero out")]
    public async Task A_fifo_or_a_device_as_an_output_is_an_internal_error(string script) =>
        Assert.Equal((int)StatusCode.Internal, (await AnswerAsync(script, "out")).InternalError?.Code);

    [Fact]
    public async Task Outputs_that_lie_in_each_other_are_all_told()
    {
        var result = (await RunAsync("mkdir -p a/b; echo made > a/b/c", "a", "a/b", "a/b/c")).Result;
        Assert.Equal(["a", "a/b"], result.OutputDirectories.Select(directory => directory.Path));
        Assert.Equal("a/b/c", Assert.Single(result.OutputFiles).Path);
    }

    [Fact]
    public async Task Special_bits_of_outputs_are_told_and_change_nothing()
    {
        var command = Command("mkdir d; echo x > d/f; chmod 6755 d d/f");
        command.OutputPaths.Add("d");
        command.OutputNodeProperties.Add("unix_mode");
        var result = (await RunAsync(command)).Result;
        var tree = Reapi.Tree.Parser.ParseFrom(_rig.Cas.Blobs[Digest.FromWire(
            Assert.Single(result.OutputDirectories).TreeDigest, DigestFunction.Sha256, "the tree")]);
        Assert.Equal((0xDEDu, true), (tree.Root.Files[0].NodeProperties.UnixMode, tree.Root.Files[0].IsExecutable));
    }

    [Fact]
    public async Task A_file_below_more_directories_than_a_path_can_name_is_the_actions_fault()
    {
        // 40 names of 120 bytes: more than PATH_MAX, and fewer levels than are looked into.
        var name = new string('d', 120);
        var response = await RunAsync(
            $"mkdir out; cd -P out; i=0; while [ $i -lt 40 ]; do mkdir {name}; cd -P {name}; i=$((i+1)); done; " +
            "echo x > f", "out");
        Assert.Equal((int)StatusCode.InvalidArgument, response.Status?.Code);
    }

    [Fact]
    public async Task Twenty_thousand_output_files_are_reported_or_refused_with_the_way_out()
    {
        var command = Command("mkdir d; cd d; i=0; while [ $i -lt 20000 ]; do : > f$i; i=$((i+1)); done");
        command.OutputPaths.AddRange(Enumerable.Range(0, 20_000).Select(i => $"d/f{i}"));
        var all = (await RunAsync(command)).Result;
        Assert.Equal(20_000, all.OutputFiles.Count);
    }

    [Fact]
    public async Task A_sparse_file_of_gigabytes_is_an_output_like_another()
    {
        var file = Assert.Single(
            (await RunAsync("truncate -s 1G out; rm out; truncate -s 300M out", "out")).Result.OutputFiles);
        Assert.Equal(300L << 20, file.Digest.SizeBytes);
    }

    [Theory]
    [InlineData(1_100, 1)]
    [InlineData(10, 10)]
    public async Task A_tree_that_is_too_deep_or_stands_for_too_much_is_refused_before_anything_is_made(
        int depth, int width)
    {
        var below = Put(new Reapi.Directory());
        for (var level = 0; level < depth; level++)
        {
            var directory = new Reapi.Directory();
            for (var i = 0; i < width; i++)
                directory.Directories.Add(new Reapi.DirectoryNode { Name = $"d{i}", Digest = below });
            below = Put(directory);
        }
        var response = await RunAsync(Command("true"), below);
        Assert.Equal((int)StatusCode.InvalidArgument, response.Status?.Code);
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("file")]
    [InlineData("out")]
    [InlineData("up/x")]
    [InlineData("loop")]
    [InlineData("../x")]
    [InlineData("/tmp")]
    public async Task A_working_directory_that_is_none_is_the_actions_fault(string workingDirectory)
    {
        var root = new Reapi.Directory
        {
            Files = { new Reapi.FileNode
            {
                Name = "file",
                Digest = new Reapi.Digest { Hash = Digest.Empty(DigestFunction.Sha256).Hash },
            } },
            Symlinks =
            {
                new Reapi.SymlinkNode { Name = "loop", Target = "loop" },
                new Reapi.SymlinkNode { Name = "out", Target = Canary },
                new Reapi.SymlinkNode { Name = "up", Target = "../../../.." },
            },
        };
        var command = Command("true");
        command.WorkingDirectory = workingDirectory;
        var response = await RunAsync(command, Put(root));
        Assert.Equal((int)StatusCode.InvalidArgument, response.Status?.Code);
    }

    [Fact]
    public async Task A_command_of_eleven_megabytes_and_arguments_that_no_kernel_takes_are_the_actions_fault()
    {
        var huge = Command("true");
        huge.Arguments.AddRange(Enumerable.Repeat(new string('x', 1 << 20), 11));
        Assert.Equal((int)StatusCode.InvalidArgument, (await RunAsync(huge)).Status?.Code);
        var long1 = Command("true");
        long1.Arguments.AddRange(Enumerable.Repeat(new string('x', 100_000), 60));
        Assert.Equal((int)StatusCode.InvalidArgument, (await RunAsync(long1)).Status?.Code);
    }

    [Fact]
    public async Task An_output_that_its_owner_may_not_read_is_no_reason_to_run_the_action_again()
    {
        var answer = await AnswerAsync("echo x > out; mkdir d; echo y > d/f; chmod 000 out d/f d", "out", "d");
        Assert.NotNull(answer.ExecuteResponse);
    }

    private Reapi.Command Command(string script) => new()
    {
        Arguments = { "/bin/sh", "-c", script },
        EnvironmentVariables = { Variable("PATH", "/usr/sbin:/usr/bin:/bin"), Variable("CANARY", Canary) },
    };

    private static Reapi.Command.Types.EnvironmentVariable Variable(string name, string value) => new()
    {
        Name = name,
        Value = value,
    };

    private Reapi.Digest Put(IMessage message) => _rig.Put(message, DigestFunction.Sha256).ToWire();

    private Task<Wire.ExecuteResult> AnswerAsync(string script, params string[] outputs)
    {
        var command = Command(script);
        command.OutputPaths.AddRange(outputs);
        return AnswerAsync(command, Put(new Reapi.Directory()));
    }

    private async Task<Wire.ExecuteResult> AnswerAsync(Reapi.Command command, Reapi.Digest root)
    {
        var action = new Reapi.Action { CommandDigest = Put(command), InputRootDigest = root };
        var answer = await _rig.ExecuteAsync(_rig.Put(action, DigestFunction.Sha256)).WaitAsync(Bound);
        Assert.Empty(_rig.Scheduler.Unasked);
        Assert.Empty(await _rig.LeftOverAsync());
        Assert.Equal(["f"], Directory.GetFileSystemEntries(Canary).Select(Path.GetFileName));
        return answer;
    }

    private async Task<Reapi.ExecuteResponse> RunAsync(string script, params string[] outputs)
    {
        var answer = await AnswerAsync(script, outputs);
        Assert.True(answer.ExecuteResponse is not null, answer.ToString());
        return answer.ExecuteResponse;
    }

    private Task<Reapi.ExecuteResponse> RunAsync(Reapi.Command command) =>
        RunAsync(command, Put(new Reapi.Directory()));

    private async Task<Reapi.ExecuteResponse> RunAsync(Reapi.Command command, Reapi.Digest root)
    {
        var answer = await AnswerAsync(command, root);
        Assert.True(answer.ExecuteResponse is not null, answer.ToString());
        return answer.ExecuteResponse;
    }
}
