using Google.Rpc;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Tests.Host;
using NativeLink.Actors.LocalCluster.Tests.Scheduling;
using Stage = Build.Bazel.Remote.Execution.V2.ExecutionStage.Types.Value;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

/// <summary>Execute and WaitExecution as clients meet them.</summary>
public sealed class ExecutionServiceTests : IAsyncLifetime
{
    private SchedulingRig _rig = null!;

    public async Task InitializeAsync() => _rig = await SchedulingRig.StartAsync();

    public async Task DisposeAsync() => await _rig.DisposeAsync();

    [Fact]
    public async Task NL_286_An_instance_that_is_not_served_is_refused_by_name()
    {
        await using var rig = await SchedulingRig.StartAsync(o => o with { Instances = ["other"] });
        var error = await Blobs.FailsWithAsync(StatusCode.InvalidArgument,
            () => ExecuteAsync(rig.Request(rig.MakeAction()), rig));
        Assert.Contains("main", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NL_287_A_missing_action_is_a_MISSING_violation()
    {
        var gone = Samples.DigestOf("not uploaded");
        var request = new Reapi.ExecuteRequest { InstanceName = "main", ActionDigest = gone.ToWire() };
        Assert.Equal([$"blobs/{gone.Hash}/{gone.SizeBytes}"], await MissingAsync(request));
    }

    [Fact]
    public async Task NL_288_NL_289_A_missing_command_and_a_missing_input_root_are_each_a_violation()
    {
        var (command, root) = (Samples.DigestOf("no command"), Samples.DigestOf("no root"));
        var whole = _rig.MakeAction();
        var noCommand = new Reapi.Action(whole) { CommandDigest = command.ToWire() };
        var noRoot = new Reapi.Action(whole) { InputRootDigest = root.ToWire() };
        var neither = new Reapi.Action(noCommand) { InputRootDigest = root.ToWire() };
        Assert.Equal([$"blobs/{command}"], await MissingAsync(_rig.Request(noCommand)));
        Assert.Equal([$"blobs/{root}"], await MissingAsync(_rig.Request(noRoot)));
        Assert.Equal([$"blobs/{command}", $"blobs/{root}"], await MissingAsync(_rig.Request(neither)));
    }

    [Fact]
    public async Task A_violation_of_a_BLAKE3_blob_names_the_function()
    {
        var gone = Samples.DigestOf("not uploaded");
        var request = new Reapi.ExecuteRequest
        {
            ActionDigest = gone.ToWire(),
            DigestFunction = Reapi.DigestFunction.Types.Value.Blake3,
        };
        Assert.Equal([$"blobs/blake3/{gone}"], await MissingAsync(request));
    }

    [Fact]
    public async Task A_blob_that_is_no_message_counts_as_missing()
    {
        var broken = _rig.Cluster.Put([0x0a, 0xff, 0xff]);
        Assert.Equal([$"blobs/{broken}"], await MissingAsync(new Reapi.ExecuteRequest
        {
            ActionDigest = broken.ToWire(),
        }));
        var action = new Reapi.Action(_rig.MakeAction()) { CommandDigest = broken.ToWire() };
        Assert.Equal([$"blobs/{broken}"], await MissingAsync(_rig.Request(action)));
    }

    [Fact]
    public async Task Requests_that_can_never_run_are_INVALID_ARGUMENT()
    {
        var action = _rig.MakeAction();
        var requests = new[]
        {
            new Reapi.ExecuteRequest(),
            new Reapi.ExecuteRequest { ActionDigest = new Reapi.Digest { Hash = "xyz" } },
            new Reapi.ExecuteRequest { ActionDigest = new Reapi.Digest { Hash = new string('a', 64), SizeBytes = -1 } },
            new Reapi.ExecuteRequest
            {
                ActionDigest = new Reapi.Digest { Hash = new string('a', 64), SizeBytes = 11 << 20 },
            },
            new Reapi.ExecuteRequest(_rig.Request(action)) { DigestFunction = Reapi.DigestFunction.Types.Value.Md5 },
            _rig.Request(new Reapi.Action(action) { CommandDigest = null }),
            _rig.Request(new Reapi.Action(action) { InputRootDigest = null }),
            _rig.Request(new Reapi.Action(action) { Platform = Samples.Properties("cpu_count=many") }),
        };
        foreach (var request in requests)
            await Blobs.FailsWithAsync(StatusCode.InvalidArgument, () => ExecuteAsync(request));
    }

    [Fact]
    public async Task An_action_goes_through_its_stages_to_a_worker_and_back()
    {
        await using var worker = await _rig.ConnectAsync();
        using var call = _rig.Execution.Execute(_rig.Request(_rig.MakeAction()));
        var start = await worker.ReceiveStartAsync();
        await worker.AnswerAsync(start.OperationId, Samples.FullResponse(3));
        var all = await SchedulingRig.ReadAllAsync(call);
        Assert.Equal([Stage.Queued, Stage.Executing, Stage.Completed], all.Select(SchedulingRig.StageOf));
        Assert.Matches("^main/[0-9a-f-]{36}$", all[0].Name);
        var response = SchedulingRig.ResponseOf(all[^1]);
        Assert.Equal(3, response.Result.ExitCode);
        Assert.False(response.CachedResult);
    }

    [Fact]
    public async Task The_platform_is_the_actions_and_else_the_commands()
    {
        await using var worker = await _rig.ConnectAsync(0, "cpu_arch=x", "cpu_count=8");
        var both = _rig.MakeAction("both", "cpu_arch=ignored");
        both.Platform = Samples.Properties("cpu_count=2", "cpu_arch=x");
        using var first = _rig.Execution.Execute(_rig.Request(both));
        Assert.Equal(["cpu_arch=x", "cpu_count=2"],
            (await worker.ReceiveStartAsync()).Platform.Properties.Select(p => $"{p.Name}={p.Value}"));
        using var second = _rig.Execution.Execute(_rig.Request(_rig.MakeAction("one", "cpu_arch=x")));
        Assert.Equal(
            ["cpu_arch=x"], (await worker.ReceiveStartAsync()).Platform.Properties.Select(p => $"{p.Name}={p.Value}"));
    }

    [Fact]
    public async Task A_known_result_is_answered_at_once_and_can_be_asked_for_by_name()
    {
        var request = _rig.Request(_rig.MakeAction());
        await StoreAsync(request, 0);
        using var call = _rig.Execution.Execute(request);
        var all = await SchedulingRig.ReadAllAsync(call);
        Assert.Equal([Stage.CacheCheck, Stage.Completed], all.Select(SchedulingRig.StageOf));
        Assert.True(SchedulingRig.ResponseOf(all[^1]).CachedResult);
        using var wait = _rig.Execution.WaitExecution(new Reapi.WaitExecutionRequest { Name = all[0].Name });
        Assert.Equal(all[^1], Assert.Single(await SchedulingRig.ReadAllAsync(wait)));
    }

    [Theory]
    [InlineData("skip")]
    [InlineData("do_not_cache")]
    [InlineData("lost blob")]
    public async Task A_known_result_is_not_used_when_it_must_not_or_cannot_be(string why)
    {
        await using var worker = await _rig.ConnectAsync();
        var action = _rig.MakeAction();
        action.DoNotCache = why == "do_not_cache";
        var request = _rig.Request(action);
        request.SkipCacheLookup = why == "skip";
        await StoreAsync(request, 0, why == "lost blob" ? Samples.DigestOf("never uploaded").ToWire() : null);
        using var call = _rig.Execution.Execute(request);
        var start = await worker.ReceiveStartAsync();
        Assert.Equal(request.SkipCacheLookup, start.ExecuteRequest.SkipCacheLookup);
        await worker.AnswerAsync(start.OperationId);
        Assert.False(SchedulingRig.ResponseOf((await SchedulingRig.ReadAllAsync(call))[^1]).CachedResult);
    }

    [Fact]
    public async Task WaitExecution_goes_on_where_a_broken_stream_ended()
    {
        await using var worker = await _rig.ConnectAsync();
        string name;
        using (var call = _rig.Execution.Execute(_rig.Request(_rig.MakeAction())))
            name = (await SchedulingRig.NextAsync(call)).Name;
        var start = await worker.ReceiveStartAsync();
        using var wait = _rig.Execution.WaitExecution(new Reapi.WaitExecutionRequest { Name = name });
        Assert.Equal(Stage.Executing, SchedulingRig.StageOf(await SchedulingRig.NextAsync(wait)));
        await worker.AnswerAsync(start.OperationId, Samples.FullResponse(2));
        Assert.Equal(2, SchedulingRig.ResponseOf((await SchedulingRig.ReadAllAsync(wait))[^1]).Result.ExitCode);
    }

    [Theory]
    [InlineData("main/7c9e6679-7425-40de-944b-e07fc1f90ae7", StatusCode.NotFound)]
    [InlineData("/7c9e6679-7425-40de-944b-e07fc1f90ae7", StatusCode.NotFound)]
    [InlineData("no-slash", StatusCode.NotFound)]
    [InlineData("", StatusCode.NotFound)]
    public async Task WaitExecution_of_an_unknown_name_is_refused(string name, StatusCode code)
    {
        using var wait = _rig.Execution.WaitExecution(new Reapi.WaitExecutionRequest { Name = name });
        await Blobs.FailsWithAsync(code, () => SchedulingRig.ReadAllAsync(wait));
    }

    private async Task StoreAsync(Reapi.ExecuteRequest request, int exitCode, Reapi.Digest? output = null)
    {
        var result = Samples.FullResponse(exitCode).Result;
        if (output is not null)
            result.OutputFiles.Add(new Reapi.OutputFile { Path = "f", Digest = output });
        await _rig.Cluster.Actions.UpdateActionResultAsync(new Reapi.UpdateActionResultRequest
        {
            InstanceName = "main",
            ActionDigest = request.ActionDigest,
            ActionResult = result,
        });
    }

    private async Task ExecuteAsync(Reapi.ExecuteRequest request, SchedulingRig? rig = null)
    {
        using var call = (rig ?? _rig).Execution.Execute(request);
        await SchedulingRig.ReadAllAsync(call);
    }

    /// <summary>Subjects of the MISSING violations with which the call fails.</summary>
    private async Task<IEnumerable<string>> MissingAsync(Reapi.ExecuteRequest request)
    {
        var error = await Blobs.FailsWithAsync(StatusCode.FailedPrecondition, () => ExecuteAsync(request));
        var failure = error.GetRpcStatus()!.GetDetail<PreconditionFailure>()!;
        Assert.All(failure.Violations, v => Assert.Equal("MISSING", v.Type));
        return failure.Violations.Select(v => v.Subject);
    }
}
