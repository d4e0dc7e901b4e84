using Grpc.Core;
using Stage = Build.Bazel.Remote.Execution.V2.ExecutionStage.Types.Value;

namespace NativeLink.Actors.LocalCluster.Tests.Scheduling;

/// <summary>Attempts, back-pressure, time-outs and kills (protos/README.md 3.8, 3.10, 3.13).</summary>
public sealed class RunTests
{
    [Fact]
    public void NL_245_Worker_errors_use_the_attempts_up_and_the_last_code_reaches_the_client()
    {
        var rig = Rig(o => o with { MaxJobRetries = 1 });
        var worker = rig.Connect();
        var client = rig.Execute();
        worker.Fail(worker.Starts[0].OperationId, StatusCode.Internal);
        Assert.Equal(2, worker.Starts.Count);
        Assert.Equal(worker.Starts[0].OperationId, worker.Starts[1].OperationId);
        Assert.Null(client.Response);
        worker.Fail(worker.Starts[1].OperationId, StatusCode.Unavailable);
        AssertGivenUp(client, StatusCode.Unavailable, "from the worker");
        Assert.Contains("too many attempts", client.Response!.Status.Message, StringComparison.Ordinal);
        Assert.Equal([Stage.Queued, Stage.Executing, Stage.Queued, Stage.Executing, Stage.Completed], client.Stages);
    }

    [Fact]
    public void NL_246_Lost_workers_use_the_attempts_up()
    {
        var rig = Rig(o => o with { MaxJobRetries = 1 });
        var client = rig.Execute();
        for (var i = 0; i < 2; i++)
        {
            Assert.Null(client.Response);
            rig.Connect().Break();
        }

        AssertGivenUp(client, StatusCode.Internal, "disconnected");
    }

    [Fact]
    public void NL_247_Back_pressure_never_costs_an_attempt_and_an_idle_worker_is_asked_ever_more_seldom()
    {
        var rig = Rig();
        var worker = rig.Connect();
        var client = rig.Execute();
        for (var i = 0; i < 300; i++)
        {
            if (worker.Starts.Count > 0 && client.Stage == Stage.Executing)
                worker.Fail(worker.Starts[^1].OperationId, StatusCode.ResourceExhausted);
            rig.Pass(0.1, worker);
        }

        Assert.InRange(worker.Starts.Count, 10, 40);
        Assert.Null(client.Response);
        rig.Pass(1.1, worker);
        worker.Answer(worker.Starts[^1].OperationId);
        Assert.Equal(0, client.Response!.Status.Code);
    }

    [Fact]
    public void A_busy_worker_that_refuses_is_paused_until_its_next_operation_ends()
    {
        var rig = Rig();
        var worker = rig.Connect();
        rig.Execute("a");
        rig.Execute("b");
        worker.Fail(worker.Starts[1].OperationId, StatusCode.ResourceExhausted);
        rig.Pass(10, worker);
        Assert.Equal(2, worker.Starts.Count);
        worker.Answer(worker.Starts[0].OperationId);
        Assert.Equal(3, worker.Starts.Count);
    }

    [Fact]
    public void NL_248_Its_timeout_and_a_bound_for_its_inputs_give_it_back_then_it_is_final_and_killed_once()
    {
        var rig = Rig();
        var worker = rig.Connect();
        var client = rig.Execute(timeout: TimeSpan.FromSeconds(2));
        rig.Pass(4.9, worker);
        Assert.Single(worker.Starts);
        rig.Pass(0.2, worker);
        Assert.Equal(2, worker.Starts.Count);
        Assert.Equal(worker.Starts[0].OperationId, worker.Starts[1].OperationId);
        rig.Pass(15, worker);
        Assert.Equal(4, worker.Starts.Count);
        AssertGivenUp(client, StatusCode.DeadlineExceeded, "exceeded deadline");
        rig.Pass(8, worker);
        Assert.Equal([worker.Starts[0].OperationId], worker.Kills);
        worker.Answer(worker.Starts[0].OperationId);
        Assert.False(worker.IsEvicted);
    }

    [Fact]
    public void A_worker_that_adopted_an_operation_given_back_answers_it_once()
    {
        var rig = Rig();
        var worker = rig.Connect(1, "cpu_count=1");
        var client = rig.Execute(timeout: TimeSpan.FromSeconds(2), properties: "cpu_count=1");
        rig.Pass(6, worker);
        Assert.Equal(2, worker.Starts.Count);
        worker.Answer(worker.Starts[0].OperationId);
        Assert.Equal(0, client.Response!.Status.Code);
        Assert.False(worker.IsEvicted);
        rig.Execute("next", properties: "cpu_count=1");
        Assert.Equal(3, worker.Starts.Count);
    }

    [Fact]
    public void A_late_result_of_an_operation_that_waits_again_is_still_its_result()
    {
        var rig = Rig();
        var worker = rig.Connect();
        var client = rig.Execute(timeout: TimeSpan.FromSeconds(2));
        var answer = new TaskCompletionSource<bool>();
        rig.Engine.Drain(new(new(worker.Id), true, answer));
        rig.Pass(6, worker);
        Assert.Equal(Stage.Queued, client.Stage);
        worker.Answer(worker.Starts[0].OperationId);
        Assert.Equal(0, client.Response!.Status.Code);
        Assert.Equal(0, rig.Engine.Queued);
    }

    [Fact]
    public void The_first_good_result_is_the_answer_also_when_another_worker_has_the_operation_by_now()
    {
        var rig = Rig();
        var slow = rig.Connect();
        var client = rig.Execute(timeout: TimeSpan.FromSeconds(2));
        var other = rig.Connect();
        rig.Pass(6, slow, other);
        var operation = Assert.Single(other.Starts).OperationId;
        slow.Answer(operation, Samples.FullResponse(1));
        Assert.Equal(1, client.Response!.Result.ExitCode);
        Assert.Equal([operation], other.Kills);
        other.Answer(operation, Samples.FullResponse(2));
        Assert.False(slow.IsEvicted || other.IsEvicted);
        Assert.Equal(1, rig.WaitFor(client.Name).Response!.Result.ExitCode);
    }

    [Fact]
    public void A_late_failure_or_a_result_of_a_killed_run_is_dropped_when_another_worker_has_the_operation()
    {
        var rig = Rig();
        var failing = rig.Connect();
        var client = rig.Execute(timeout: TimeSpan.FromSeconds(2));
        var killed = rig.Connect();
        rig.Pass(5.1, failing, killed);
        var operation = Assert.Single(killed.Starts).OperationId;
        var failure = Samples.FullResponse();
        failure.Status = new Google.Rpc.Status { Code = (int)StatusCode.DeadlineExceeded };
        failing.Answer(operation, failure);
        Assert.Null(client.Response);
        rig.Engine.Drain(new(new(failing.Id), true, new TaskCompletionSource<bool>()));
        var last = rig.Connect();
        rig.Engine.Drain(new(new(killed.Id), true, new TaskCompletionSource<bool>()));
        rig.Pass(5.1, failing, killed, last);
        Assert.Single(last.Starts);
        rig.Pass(4.5, failing, killed, last);
        last.Complete(operation);
        rig.Pass(5, failing, killed, last);
        Assert.Equal([operation], killed.Kills);
        killed.Answer(operation, Samples.FullResponse(5));
        Assert.Null(client.Response);
        last.Answer(operation, Samples.FullResponse(3));
        Assert.Equal(3, client.Response!.Result.ExitCode);
    }

    [Fact]
    public void The_actions_clock_stops_when_its_process_has_ended_however_long_the_upload_takes()
    {
        var rig = Rig();
        var worker = rig.Connect();
        var client = rig.Execute(timeout: TimeSpan.FromSeconds(2));
        rig.Pass(4.9, worker);
        worker.Complete(worker.Starts[0].OperationId);
        rig.Pass(120, worker);
        Assert.Single(worker.Starts);
        worker.Answer(worker.Starts[0].OperationId);
        Assert.Equal(0, client.Response!.Status.Code);
    }

    [Fact]
    public void NL_256_NL_257_NL_258_NL_251_A_revoked_operation_is_killed_once_and_its_report_frees_the_slot()
    {
        var rig = Rig();
        var worker = rig.Connect(0, "cpu_count=1");
        var client = rig.Execute("a", properties: "cpu_count=1");
        client.GoAway();
        rig.Pass(20, worker);
        var revoked = worker.Starts[0].OperationId;
        Assert.Equal([revoked], worker.Kills);
        var again = rig.Execute("a", properties: "cpu_count=1");
        rig.Pass(12, worker);
        Assert.Equal([revoked], worker.Kills);
        Assert.Single(worker.Starts);
        worker.Fail(revoked, StatusCode.Aborted);
        Assert.False(worker.IsEvicted);
        Assert.NotEqual(revoked, worker.Starts[1].OperationId);
        worker.Answer(worker.Starts[1].OperationId);
        Assert.Equal(0, again.Response!.Status.Code);
        Assert.Equal((int)StatusCode.DeadlineExceeded, rig.WaitFor(client.Name).Response!.Status.Code);
    }

    [Fact]
    public void NL_260_A_kill_that_is_never_acknowledged_evicts_a_live_worker()
    {
        var rig = Rig();
        var worker = rig.Connect();
        var client = rig.Execute();
        client.Cancel();
        Assert.Single(worker.Kills);
        rig.Pass(30, worker);
        Assert.False(worker.IsEvicted);
        rig.Pass(31, worker);
        Assert.True(worker.IsEvicted);
        Assert.Contains(rig.Log.Lines, l => l.Contains("not acknowledged a kill", StringComparison.Ordinal));
    }

    [Fact]
    public void NL_261_NL_249_What_a_client_still_wants_is_not_killed()
    {
        var rig = Rig();
        var worker = rig.Connect();
        var client = rig.Execute();
        client.GoAway();
        rig.Pass(10, worker);
        var back = rig.WaitFor(client.Name);
        rig.Pass(300, worker);
        Assert.Empty(worker.Kills);
        worker.Answer(worker.Starts[0].OperationId);
        Assert.NotNull(back.Response);
    }

    [Fact]
    public void NL_255_An_operation_given_up_while_it_ran_leaves_no_slot_taken()
    {
        var rig = Rig();
        var worker = rig.Connect(1);
        var client = rig.Execute("a");
        client.Cancel();
        worker.Answer(worker.Starts[0].OperationId);
        rig.Execute("b");
        Assert.Equal(2, worker.Starts.Count);
        Assert.Equal((int)StatusCode.Cancelled, client.Response!.Status.Code);
    }

    [Fact]
    public void A_run_of_which_nothing_is_heard_is_given_back_when_that_is_bounded()
    {
        var rig = Rig(o => o with { MaxActionExecutingTimeout = TimeSpan.FromSeconds(10) });
        var worker = rig.Connect();
        rig.Execute();
        rig.Pass(8, worker);
        worker.Complete(worker.Starts[0].OperationId);
        rig.Pass(8, worker);
        Assert.Single(worker.Starts);
        rig.Pass(3, worker);
        Assert.Equal(2, worker.Starts.Count);
    }

    private static EngineRig Rig(Func<SchedulerOptions, SchedulerOptions>? change = null)
    {
        var options = new SchedulerOptions
        {
            SupportedProperties = EngineRig.Types,
            StagingTimeout = TimeSpan.FromSeconds(3),
        };
        return new EngineRig(change is null ? options : change(options));
    }

    private static void AssertGivenUp(RigClient client, StatusCode code, string text)
    {
        var response = client.Response;
        Assert.NotNull(response);
        Assert.Equal((int)code, response.Status.Code);
        Assert.Contains(text, response.Status.Message, StringComparison.Ordinal);
        Assert.Equal(-178, response.Result.ExitCode);
        Assert.Equal(new string('0', 64), response.Result.StdoutDigest.Hash);
        Assert.Equal(new string('0', 64), response.Result.StderrDigest.Hash);
    }

    [Fact]
    public void A_deadline_that_passes_while_one_looks_at_the_clock_is_due_now_and_never_before()
    {
        var rig = new EngineRig();
        rig.Connect();
        for (var i = 0; i < 5; i++)
        {
            // Each look costs a part of what is left, so that the deadline falls between two of them.
            rig.Time.AutoAdvanceAmount = TimeSpan.FromMilliseconds(210);
            Assert.True(rig.Engine.NextWake >= TimeSpan.Zero);
        }
        Assert.Equal(TimeSpan.Zero, rig.Engine.NextWake);
    }
}
