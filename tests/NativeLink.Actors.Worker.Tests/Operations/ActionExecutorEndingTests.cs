using Akka.Actor;
using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Worker.Operations;
using static NativeLink.Actors.Worker.Inputs.DownloadProtocol;
using static NativeLink.Actors.Worker.Operations.ExecutorProtocol;
using static NativeLink.Actors.Worker.Outputs.UploadProtocol;
using static NativeLink.Actors.Worker.Processes.ProcessProtocol;
using static NativeLink.Actors.Worker.Tests.Operations.Actions;

namespace NativeLink.Actors.Worker.Tests.Operations;

/// <summary>Kills, verdicts, results that are remembered, and preconditions.</summary>
public sealed class ActionExecutorEndingTests : ExecutorSpec
{
    private static readonly KillAction Kill = new(Attempt, "the scheduler killed the operation");

    private async Task AssertKilledAsync(bool lingers = false)
    {
        var finished = await FinishedAsync(lingers);
        var status = finished.Result.ExecuteResponse!.Status;
        Assert.Equal((int)Grpc.Core.StatusCode.Aborted, status.Code);
        Assert.Contains("scheduler killed", status.Message, StringComparison.Ordinal);
        Assert.Equal(ResultKind.Killed, finished.ResultKind);
    }

    [Fact]
    public async Task NL_051_NL_052_A_kill_while_running_aborts_the_process_skips_the_upload_and_reports_ABORTED()
    {
        var executor = StartExecutor();
        await RunAsync();
        executor.Tell(Kill);
        await Runner.ExpectMsgAsync(new Abort(Attempt));
        Exit(Report(exitCode: 137, signal: 9, aborted: true));
        await AssertKilledAsync();
        await Uploader.ExpectNoMsgAsync(TestKits.Shortly);
        Assert.True(Root!.Disposed);
    }

    [Fact]
    public async Task A_kill_while_inputs_are_fetched_gives_the_download_up()
    {
        var executor = StartExecutor();
        await LoadAsync();
        await Downloader.ExpectMsgAsync<StageInputs>();
        executor.Tell(Kill);
        await Downloader.ExpectMsgAsync(new CancelDownload(Attempt));
        Downloader.Reply(new DownloadFailed(Attempt, new Fault(FaultKind.Aborted, "cancelled")));
        await AssertKilledAsync();
    }

    [Fact]
    public async Task A_kill_while_outputs_are_uploaded_gives_the_upload_up()
    {
        var executor = StartExecutor();
        await RunAsync();
        Exit(Report());
        await Connection.ExpectMsgAsync<ProcessEnded>();
        await Uploader.ExpectMsgAsync<Upload>();
        executor.Tell(Kill);
        await Uploader.ExpectMsgAsync(new CancelUpload(Attempt));
        Uploader.Reply(new UploadFailed(Attempt, new Fault(FaultKind.Aborted, "cancelled")));
        await AssertKilledAsync();
    }

    [Fact]
    public async Task A_service_that_does_not_hear_a_kill_delays_the_answer_by_4_seconds_and_its_late_root_is_disposed()
    {
        var executor = StartExecutor();
        Watch(executor);
        await LoadAsync();
        var stage = await Downloader.ExpectMsgAsync<StageInputs>();
        executor.Tell(Kill);
        await Downloader.ExpectMsgAsync<CancelDownload>();
        await Connection.ExpectNoMsgAsync(TestKits.Shortly);
        Clock.Advance(TimeSpan.FromSeconds(4));
        await AssertKilledAsync(lingers: true);
        var late = new PlainRoot(((Storage.WorkDirectories.ActionDirectory)stage.Directory).WorkPath);
        await stage.Directory.StageAsync(_ => Task.FromResult<Storage.Materialisers.IInputRoot>(late));
        Downloader.Reply(new InputsStaged(Attempt, late, late.Path));
        await ExpectTerminatedAsync(executor);
        await AwaitConditionAsync(() => Task.FromResult(late.Disposed && WorkLeft.Length == 0));
    }

    [Fact]
    public async Task A_stage_that_exceeds_its_deadline_is_an_internal_error_that_names_it()
    {
        StartExecutor();
        await LoadAsync();
        await Downloader.ExpectMsgAsync<StageInputs>();
        Clock.Advance(Settings.Limits.Staging);
        await Downloader.ExpectMsgAsync<CancelDownload>();
        Downloader.Reply(new DownloadFailed(Attempt, new Fault(FaultKind.Aborted, "cancelled")));
        var error = (await FinishedAsync()).Result.InternalError;
        Assert.Equal((int)Grpc.Core.StatusCode.DeadlineExceeded, error!.Code);
        Assert.Contains("laying out the inputs", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NL_040_An_upload_over_its_bound_is_an_internal_error_DEADLINE_EXCEEDED()
    {
        StartExecutor();
        await RunAsync();
        Exit(Report());
        await Connection.ExpectMsgAsync<ProcessEnded>();
        await Uploader.ExpectMsgAsync<Upload>();
        Clock.Advance(WorkerOptions.MaxUploadTimeout);
        await Uploader.ExpectMsgAsync<CancelUpload>();
        Uploader.Reply(new UploadFailed(Attempt, new Fault(FaultKind.Aborted, "cancelled")));
        Assert.Equal((int)Grpc.Core.StatusCode.DeadlineExceeded, (await FinishedAsync()).Result.InternalError!.Code);
    }

    [Theory]
    [InlineData(false, 139)]
    [InlineData(true, 9)]
    public async Task NL_061_A_death_by_signal_11_is_told_as_128_plus_n_or_as_9(bool nine, int expected)
    {
        Settings = Settings with { SignalExitCodeIsNine = nine };
        StartExecutor();
        await RunAsync();
        Exit(Report(exitCode: 139, signal: 11));
        await Connection.ExpectMsgAsync<ProcessEnded>();
        await UploadAsync();
        await PublishAsync();
        var finished = await FinishedAsync();
        Assert.Equal(expected, finished.Result.ExecuteResponse!.Result.ExitCode);
        Assert.Null(finished.Result.ExecuteResponse!.Status);
        Assert.Equal(ResultKind.Signalled, finished.ResultKind);
    }

    [Fact]
    public async Task An_action_that_ran_out_of_memory_says_so()
    {
        StartExecutor();
        await RunAsync();
        Exit(Report(exitCode: 137, signal: 9, outOfMemory: true));
        await Connection.ExpectMsgAsync<ProcessEnded>();
        await UploadAsync();
        await PublishAsync();
        var finished = await FinishedAsync();
        Assert.Equal((int)Grpc.Core.StatusCode.ResourceExhausted, finished.Result.ExecuteResponse!.Status.Code);
        Assert.Equal(ResultKind.OutOfMemory, finished.ResultKind);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(137, true)]
    public async Task What_an_action_came_to_where_our_memory_was_full_is_an_internal_error_whatever_its_exit_code(
        int code, bool timedOut)
    {
        StartExecutor();
        await RunAsync();
        if (timedOut)
        {
            Clock.Advance(WorkerOptions.MaxActionTimeout);
            await Runner.ExpectMsgAsync<Abort>();
        }
        Root!.OutOfSpaceReason = "the memory was full: 'No space left on device'";
        Exit(Report(exitCode: code) with { Aborted = timedOut });
        await Connection.ExpectMsgAsync<ProcessEnded>();
        var finished = await FinishedAsync();
        Assert.Equal((int)Grpc.Core.StatusCode.Unavailable, finished.Result.InternalError!.Code);
        Assert.Contains("the memory was full", finished.Result.InternalError!.Message, StringComparison.Ordinal);
        Assert.Equal(ResultKind.DiskFull, finished.ResultKind);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"failure\": \"timeout\"}")]
    public async Task Without_a_side_channel_in_the_configuration_a_file_of_its_name_is_nobodys_word(string word)
    {
        StartExecutor();
        var run = await RunAsync();
        await File.WriteAllTextAsync(Path.Combine(Path.GetDirectoryName(run.Plan.StdoutPath)!, "side_channel"), word);
        Exit(Report());
        await Connection.ExpectMsgAsync<ProcessEnded>();
        await UploadAsync();
        var finished = await FinishedAsync();
        Assert.Equal((0, 0),
            (finished.Result.ExecuteResponse!.Result.ExitCode, finished.Result.ExecuteResponse!.Status?.Code ?? 0));
        Assert.Equal(ResultKind.Succeeded, finished.ResultKind);
    }

    [Theory]
    [InlineData("{\"failure\": \"timeout\"}")]
    [InlineData("{failure: 'timeout',} // said the wrapper")]
    public async Task NL_070_A_wrapper_that_says_timeout_makes_it_one_and_keeps_the_exit_code(string word)
    {
        WithSideChannel();
        StartExecutor();
        var run = await RunAsync();
        await File.WriteAllTextAsync(Path.Combine(Path.GetDirectoryName(run.Plan.StdoutPath)!, "side_channel"), word);
        Exit(Report(exitCode: 1));
        await Connection.ExpectMsgAsync<ProcessEnded>();
        await UploadAsync();
        await PublishAsync();
        var finished = await FinishedAsync();
        Assert.Equal(1, finished.Result.ExecuteResponse!.Result.ExitCode);
        Assert.Equal((int)Grpc.Core.StatusCode.DeadlineExceeded, finished.Result.ExecuteResponse!.Status.Code);
        Assert.Equal(ResultKind.TimedOutExternally, finished.ResultKind);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"failure\": \"bored\"}")]
    [InlineData("not json")]
    public async Task A_side_channel_file_that_says_nothing_known_is_an_internal_error(string word)
    {
        WithSideChannel();
        StartExecutor();
        var run = await RunAsync();
        await File.WriteAllTextAsync(Path.Combine(Path.GetDirectoryName(run.Plan.StdoutPath)!, "side_channel"), word);
        Exit(Report());
        await Connection.ExpectMsgAsync<ProcessEnded>();
        Assert.Equal((int)Grpc.Core.StatusCode.Internal, (await FinishedAsync()).Result.InternalError!.Code);
    }

    [Fact]
    public async Task NL_075_NL_082_A_success_enters_the_action_cache_as_reported_and_the_message_names_it()
    {
        WorkerOptions = WorkerOptions with
        {
            Results = new UploadResultOptions
            {
                ActionCacheStrategy = ResultStrategy.SuccessOnly,
                SuccessMessageTemplate = "{digest_function}:{action_digest_hash}-{action_digest_size}",
            },
        };
        StartExecutor();
        await RunAsync();
        Exit(Report());
        await Connection.ExpectMsgAsync<ProcessEnded>();
        await UploadAsync();
        var published = await PublishAsync(actionCache: true);
        var response = (await FinishedAsync()).Result.ExecuteResponse!;
        Assert.Equal(response.Result, published.ActionCache);
        Assert.Null(published.Historical);
        Assert.Equal($"sha256:{ActionDigest.Hash}-{ActionDigest.SizeBytes}", response.Message);
    }

    [Fact]
    public async Task NL_084_An_action_marked_do_not_cache_does_not_enter_the_action_cache()
    {
        WorkerOptions = WorkerOptions with
        {
            Results = new UploadResultOptions { ActionCacheStrategy = ResultStrategy.Everything },
        };
        StartExecutor();
        await RunAsync(action: Action(doNotCache: true));
        Exit(Report());
        await Connection.ExpectMsgAsync<ProcessEnded>();
        await UploadAsync();
        await FinishedAsync();
        await Uploader.ExpectNoMsgAsync(TestKits.Shortly);
    }

    [Fact]
    public async Task A_precondition_that_refuses_is_RESOURCE_EXHAUSTED_with_its_output_and_nothing_is_loaded()
    {
        WorkerOptions = WorkerOptions with { PreconditionScript = "check 'a b'" };
        StartExecutor(Assignment(platform: ("os-name", "linux")));
        var run = await NextRunAsync();
        Assert.Equal(["check", "a b"], run.Plan.Arguments);
        Assert.Contains(new("OPERATION_ID", Op.Value), run.Plan.Environment);
        Assert.Contains(new("ACTION_DIGEST", ActionDigest.ToString()), run.Plan.Environment);
        Assert.Contains(new("PLATFORM_os_name", "linux"), run.Plan.Environment);
        await File.WriteAllTextAsync(run.Plan.StdoutPath, "not today\n");
        Exit(Report(exitCode: 1));
        var finished = await FinishedAsync();
        Assert.Equal((int)Grpc.Core.StatusCode.ResourceExhausted, finished.Result.InternalError!.Code);
        Assert.Contains("not today", finished.Result.InternalError!.Message, StringComparison.Ordinal);
        Assert.Equal(ResultKind.PreconditionFailed, finished.ResultKind);
        Assert.False(File.Exists(run.Plan.StdoutPath));
        await Downloader.ExpectNoMsgAsync(TestKits.Shortly);
    }

    [Fact]
    public async Task A_precondition_script_that_is_not_there_is_named_and_counts_as_an_attempt()
    {
        WorkerOptions = WorkerOptions with { PreconditionScript = "/no/such/script" };
        StartExecutor();
        var run = await NextRunAsync();
        await File.WriteAllTextAsync(run.Plan.StderrPath, "nativelink-actors: /no/such/script: not found\n");
        Exit(Report(exitCode: 127) with { Unstarted = true });
        var error = (await FinishedAsync()).Result.InternalError;
        Assert.Equal((int)Grpc.Core.StatusCode.Internal, error!.Code);
        Assert.Contains("'/no/such/script' could not be run: nativelink-actors: /no/such/script: not found",
            error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("x\0y", "would have a NUL in its value")]
    [InlineData(null, "would have 200012 bytes")]
    public async Task A_property_that_no_environment_can_hold_is_refused_for_good(string? value, string reason)
    {
        WorkerOptions = WorkerOptions with { PreconditionScript = "/bin/true" };
        StartExecutor(Assignment(platform: ("p", value ?? new string('v', 200_000))));
        var finished = await FinishedAsync();
        Assert.Equal((int)Grpc.Core.StatusCode.InvalidArgument, finished.Result.ExecuteResponse!.Status.Code);
        Assert.Contains($"PLATFORM_p {reason}", finished.Result.ExecuteResponse!.Status.Message,
            StringComparison.Ordinal);
        await Runner.ExpectNoMsgAsync(TestKits.Shortly);
    }

    [Fact]
    public void A_schedulers_clock_that_is_ahead_changes_the_time_of_queueing_alone()
    {
        var began = Queued.AddHours(-1);
        var stamps = new ActionStamps
        {
            WorkerStart = began,
            InputFetchStart = began.AddSeconds(1),
            InputFetchCompleted = began.AddSeconds(2),
            ExecutionStart = began.AddSeconds(3),
            ExecutionCompleted = began.AddSeconds(7),
        };
        var metadata = ExecuteResultBuilder.Response(new ActionOutcome(
            Assignment(), ResultKind.Succeeded, null, stamps)
        { Process = Report() }).Result.ExecutionMetadata;
        Assert.Equal(began, metadata.QueuedTimestamp.ToDateTimeOffset());
        Assert.Equal(began.AddSeconds(3), metadata.ExecutionStartTimestamp.ToDateTimeOffset());
        Assert.Equal(4, metadata.VirtualExecutionDuration.Seconds);
    }

    [Fact]
    public async Task NL_103_A_precondition_sees_the_configured_variables_and_an_action_it_accepts_goes_on()
    {
        WorkerOptions = WorkerOptions with
        {
            PreconditionScript = "check",
            AdditionalEnvironment = [new EnvironmentEntry("DEMO_ENV", EnvironmentSource.Value, "yes"),
                new EnvironmentEntry("DIR", EnvironmentSource.ActionDirectory)],
        };
        StartExecutor();
        var run = await NextRunAsync();
        Assert.Contains(new("DEMO_ENV", "yes"), run.Plan.Environment);
        Assert.DoesNotContain(run.Plan.Environment, variable => variable.Key == "DIR");
        Exit(Report());
        await Downloader.ExpectMsgAsync<LoadAction>();
    }

    [Fact]
    public async Task A_precondition_that_does_not_end_is_aborted_after_its_bound()
    {
        WorkerOptions = WorkerOptions with { PreconditionScript = "sleep 100" };
        StartExecutor();
        await NextRunAsync();
        Clock.Advance(TimeSpan.FromSeconds(30));
        await Runner.ExpectMsgAsync(new Abort(Attempt));
        Exit(Report(exitCode: 137, aborted: true));
        Assert.Equal((int)Grpc.Core.StatusCode.ResourceExhausted, (await FinishedAsync()).Result.InternalError!.Code);
    }

    [Fact]
    public async Task NL_089_A_crash_of_the_executor_ends_the_process_and_removes_the_directory()
    {
        var executor = StartExecutor();
        Watch(executor);
        await RunAsync();
        Sys.Stop(executor);
        await Runner.ExpectMsgAsync(new Abort(Attempt));
        await ExpectTerminatedAsync(executor);
        await AwaitConditionAsync(() => Task.FromResult(Root!.Disposed && WorkLeft.Length == 0));
    }

    [Fact]
    public async Task With_the_timeout_handled_externally_the_worker_waits_for_the_maximum_and_tells_the_wanted_one()
    {
        WorkerOptions = WorkerOptions with
        {
            TimeoutHandledExternally = true,
            AdditionalEnvironment = [new EnvironmentEntry("T", EnvironmentSource.TimeoutMillis)],
        };
        StartExecutor();
        var run = await RunAsync(action: Action(timeout: Duration.FromTimeSpan(TimeSpan.FromSeconds(500))));
        Assert.Contains(new("T", "500000"), run.Plan.Environment);
        Clock.Advance(TimeSpan.FromSeconds(99.9));
        await Runner.ExpectNoMsgAsync(TestKits.Shortly);
        Clock.Advance(TimeSpan.FromSeconds(0.1));
        await Runner.ExpectMsgAsync(new Abort(Attempt));
    }

    private void WithSideChannel() =>
        WorkerOptions = WorkerOptions with
        {
            AdditionalEnvironment = [new EnvironmentEntry("SIDE_CHANNEL", EnvironmentSource.SideChannelFile)],
        };
}
