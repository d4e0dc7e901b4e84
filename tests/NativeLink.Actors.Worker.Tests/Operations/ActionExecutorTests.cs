using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Worker.Operations;
using static NativeLink.Actors.Worker.Inputs.DownloadProtocol;
using static NativeLink.Actors.Worker.Operations.ExecutorProtocol;
using static NativeLink.Actors.Worker.Processes.ProcessProtocol;
using static NativeLink.Actors.Worker.Tests.Operations.Actions;

namespace NativeLink.Actors.Worker.Tests.Operations;

public sealed class ActionExecutorTests : ExecutorSpec
{
    [Fact]
    public async Task NL_020_NL_021_NL_100_NL_101_A_successful_action_says_that_its_process_ended_then_its_result()
    {
        StartExecutor();
        await RunAsync();
        Exit(Report());
        await Connection.ExpectMsgAsync(new ProcessEnded(Attempt));
        await UploadAsync();
        var finished = await FinishedAsync();
        var response = finished.Result.ExecuteResponse!;
        Assert.Null(response.Status);
        Assert.Equal("", response.Message);
        Assert.Empty(response.ServerLogs);
        Assert.Equal(0, response.Result.ExitCode);
        Assert.Equal(ResultKind.Succeeded, finished.ResultKind);
        Assert.Equal(Timestamp.FromDateTimeOffset(Queued), response.Result.ExecutionMetadata.QueuedTimestamp);
        Assert.Equal("worker-1", response.Result.ExecutionMetadata.Worker);
        var usage = Assert.Single(response.Result.ExecutionMetadata.AuxiliaryMetadata)
            .Unpack<Wire.ActionResourceUsage>();
        Assert.Equal(new Wire.ActionResourceUsage
        {
            OperationId = Op.Value,
            WorkerId = "worker-1",
            Sampled = true,
            PeakMemoryKb = 2048,
            CpuTimeMs = 150,
        }, usage);
        Assert.Equal(usage, Told(finished.Result).ResourceUsage);
        Assert.True(Root!.Disposed);
    }

    [Fact]
    public async Task NL_033_NL_034_A_failing_command_still_reports_its_outputs_and_leaves_no_directory()
    {
        StartExecutor();
        await RunAsync();
        Exit(Report(exitCode: 33));
        await Connection.ExpectMsgAsync<ProcessEnded>();
        await UploadAsync();
        await PublishAsync();
        var finished = await FinishedAsync();
        Assert.Equal(33, finished.Result.ExecuteResponse!.Result.ExitCode);
        Assert.Null(finished.Result.ExecuteResponse!.Status);
        Assert.Equal(Uploaded().StdoutDigest, finished.Result.ExecuteResponse!.Result.StdoutDigest);
        Assert.Equal(ResultKind.ExitedNonZero, finished.ResultKind);
    }

    [Fact]
    public async Task NL_055_NL_057_NL_062_A_deadline_aborts_the_process_and_reports_a_timeout_with_logs_and_outputs()
    {
        StartExecutor();
        await RunAsync(action: Action(timeout: Duration.FromTimeSpan(TimeSpan.FromSeconds(10))));
        Clock.Advance(TimeSpan.FromSeconds(9.9));
        await Runner.ExpectNoMsgAsync(TestKits.Shortly);
        Clock.Advance(TimeSpan.FromSeconds(0.1));
        await Runner.ExpectMsgAsync(new Abort(Attempt));
        Exit(Report(exitCode: 137, signal: 9, aborted: true));
        await Connection.ExpectMsgAsync<ProcessEnded>();
        await UploadAsync();
        await PublishAsync();
        var response = (await FinishedAsync()).Result.ExecuteResponse!;
        Assert.Equal((int)Grpc.Core.StatusCode.DeadlineExceeded, response.Status.Code);
        // Clients look for the first two words.
        Assert.Contains("exceeded deadline: the action timed out after 10 s", response.Status.Message,
            StringComparison.Ordinal);
        Assert.Equal(137, response.Result.ExitCode);
        Assert.Equal(Uploaded().StdoutDigest, response.Result.StdoutDigest);
    }

    [Fact]
    public async Task The_timeout_is_of_the_run_alone_and_not_of_the_wait_for_a_process()
    {
        StartExecutor();
        await LoadAsync(action: Action(timeout: Duration.FromTimeSpan(TimeSpan.FromSeconds(10))));
        await StageAsync();
        var run = await NextRunAsync();
        Clock.Advance(TimeSpan.FromSeconds(7));
        run.Plan.Clock!.Start(Clock.Now);
        Clock.Advance(TimeSpan.FromSeconds(9.9));
        await Runner.ExpectNoMsgAsync(TestKits.Shortly);
        await AwaitConditionAsync(() =>
        {
            Clock.Advance(TimeSpan.FromSeconds(0.05));
            return Task.FromResult(Runner.HasMessages);
        }, TimeSpan.FromSeconds(60), TimeSpan.FromMilliseconds(2));
        await Runner.ExpectMsgAsync(new Abort(Attempt));
    }

    [Fact]
    public async Task NL_056_NL_058_Without_a_timeout_of_its_own_an_action_gets_the_maximum()
    {
        StartExecutor();
        await RunAsync();
        Clock.Advance(TimeSpan.FromSeconds(99.9));
        await Runner.ExpectNoMsgAsync(TestKits.Shortly);
        Clock.Advance(TimeSpan.FromSeconds(0.1));
        await Runner.ExpectMsgAsync(new Abort(Attempt));
        Exit(Report(exitCode: 137, signal: 9, aborted: true));
        await UploadAsync();
        await PublishAsync();
        await Connection.ExpectMsgAsync<ProcessEnded>();
        var finished = await FinishedAsync();
        Assert.Equal((int)Grpc.Core.StatusCode.DeadlineExceeded, finished.Result.ExecuteResponse!.Status.Code);
        Assert.Equal(ResultKind.TimedOut, finished.ResultKind);
    }

    [Fact]
    public async Task NL_059_A_timeout_over_the_maximum_is_refused_for_good_before_anything_is_made()
    {
        StartExecutor();
        await LoadAsync(action: Action(timeout: Duration.FromTimeSpan(TimeSpan.FromSeconds(200))));
        var status = (await FinishedAsync()).Result.ExecuteResponse!.Status;
        Assert.Equal((int)Grpc.Core.StatusCode.InvalidArgument, status.Code);
        Assert.Contains("200 s", status.Message, StringComparison.Ordinal);
        Assert.Contains("100 s", status.Message, StringComparison.Ordinal);
        await Downloader.ExpectNoMsgAsync(TestKits.Shortly);
    }

    [Fact]
    public async Task NL_106_Missing_inputs_are_a_final_answer_with_one_violation_a_blob()
    {
        StartExecutor();
        await LoadAsync();
        await Downloader.ExpectMsgAsync<StageInputs>();
        Downloader.Reply(new DownloadFailed(Attempt, new Fault(FaultKind.Missing, "inputs are not in the CAS")
        {
            Missing = [ActionDigest, RootDigest],
        }));
        var status = (await FinishedAsync()).Result.ExecuteResponse!.Status;
        Assert.Equal((int)Grpc.Core.StatusCode.FailedPrecondition, status.Code);
        var detail = Assert.Single(status.Details).Unpack<Google.Rpc.PreconditionFailure>();
        Assert.Equal([$"blobs/{ActionDigest}", $"blobs/{RootDigest}"],
            detail.Violations.Select(violation => violation.Subject));
        Assert.All(detail.Violations, violation => Assert.Equal("MISSING", violation.Type));
        Assert.Contains(RootDigest.ToString(), status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NL_107_Another_fault_while_preparing_is_an_internal_error_of_its_code()
    {
        StartExecutor();
        await LoadAsync();
        await Downloader.ExpectMsgAsync<StageInputs>();
        Downloader.Reply(new DownloadFailed(Attempt, new Fault(FaultKind.Worker, "no such path")
        {
            Code = Grpc.Core.StatusCode.NotFound,
        }));
        Assert.Equal((int)Grpc.Core.StatusCode.NotFound, (await FinishedAsync()).Result.InternalError!.Code);
    }

    [Fact]
    public async Task An_exhausted_store_is_not_reported_as_back_pressure_which_would_be_retried_without_end()
    {
        StartExecutor();
        await Downloader.ExpectMsgAsync<LoadAction>();
        Downloader.Reply(new DownloadFailed(Attempt, new Fault(FaultKind.Storage, "quota")
        {
            Code = Grpc.Core.StatusCode.ResourceExhausted,
        }));
        Assert.Equal((int)Grpc.Core.StatusCode.Unavailable, (await FinishedAsync()).Result.InternalError!.Code);
    }

    [Fact]
    public async Task NL_050_A_command_without_arguments_is_refused_for_good()
    {
        StartExecutor();
        await LoadAsync(command: new Reapi.Command());
        var finished = await FinishedAsync();
        Assert.Equal((int)Grpc.Core.StatusCode.InvalidArgument, finished.Result.ExecuteResponse!.Status.Code);
        Assert.Equal(ExecuteResultBuilder.ExitCodeNotRun, finished.Result.ExecuteResponse!.Result.ExitCode);
    }

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("../outside")]
    [InlineData("a/../../outside")]
    [InlineData("a\0b")]
    public async Task An_output_path_that_leaves_the_root_is_refused_for_good(string path)
    {
        StartExecutor();
        await LoadAsync(command: CommandWithOutputs(path));
        Assert.Equal((int)Grpc.Core.StatusCode.InvalidArgument,
            (await FinishedAsync()).Result.ExecuteResponse!.Status.Code);
    }

    [Fact]
    public async Task The_watchdog_says_which_stage_an_action_is_in_and_what_it_waits_for()
    {
        StartExecutor();
        await Downloader.ExpectMsgAsync<LoadAction>();
        await SaysAsync("in stage Loading for 30 s, waiting for the action and its command from the CAS");
        Downloader.Reply(new ActionLoaded(Attempt, Action(), Command(), RootDigest));
        await Downloader.ExpectMsgAsync<StageInputs>();
        await SaysAsync("in stage Staging for 30 s, waiting for the input root");
    }

    private Task SaysAsync(string line) =>
        EventFilter.Info(contains: line).ExpectOneAsync(TimeSpan.FromSeconds(30), () =>
        {
            Clock.Advance(TimeSpan.FromSeconds(30));
            return Task.CompletedTask;
        });
}
