using Akka.Actor;
using Akka.TestKit.Xunit2;
using NativeLink.Actors.Worker.Processes;
using static NativeLink.Actors.Worker.Processes.ProcessProtocol;

namespace NativeLink.Actors.Worker.Tests.Processes;

public sealed class ProcessRunnerTests() : TestKit(
    TestKits.Patience + "nativelink.dispatchers.steps { type = ForkJoinDispatcher, throughput = 10, " +
    "dedicated-thread-pool { thread-count = 2 } }")
{
    private static readonly AttemptId One = AttemptId.Next(new OperationId("one"));
    private static readonly AttemptId Two = AttemptId.Next(new OperationId("two"));

    [Fact]
    public void A_run_is_answered_when_it_has_ended()
    {
        using var bench = new Workbench();
        var executor = CreateTestProbe("executor");
        var runner = Sys.ActorOf(ProcessRunner.CreateProps(bench.Launcher));
        runner.Tell(new Run(One, bench.Shell("exit 5")), executor);
        Assert.Equal((One, 5), executor.ExpectMsg<Exited>(TimeSpan.FromSeconds(20)) is var exited
            ? (exited.Id, exited.Report.ExitCode)
            : default);
        runner.Tell(new Run(One, bench.Plan()), executor);
        Assert.Equal(FaultKind.Action, executor.ExpectMsg<RunFailed>(TimeSpan.FromSeconds(20)).Fault.Kind);
    }

    [Fact]
    public void An_abort_ends_its_run_and_no_other()
    {
        using var bench = new Workbench();
        var executor = CreateTestProbe("executor");
        var runner = Sys.ActorOf(ProcessRunner.CreateProps(bench.Launcher));
        runner.Tell(new Run(One, bench.Shell("sleep 60")), executor);
        runner.Tell(new Run(Two, bench.Shell("sleep 60")), executor);
        runner.Tell(new Abort(AttemptId.Next(new OperationId("one"))), executor);
        runner.Tell(new Abort(One), executor);
        var exited = executor.ExpectMsg<Exited>(TimeSpan.FromSeconds(20));
        Assert.Equal((One, true), (exited.Id, exited.Report.Aborted));
        runner.Tell(new Abort(Two), executor);
        Assert.Equal(Two, executor.ExpectMsg<Exited>(TimeSpan.FromSeconds(20)).Id);
    }

    [Fact]
    public void What_is_above_the_bound_waits_its_turn_and_can_be_aborted_there()
    {
        using var bench = new Workbench();
        var executor = CreateTestProbe("executor");
        var runner = Sys.ActorOf(ProcessRunner.CreateProps(bench.Launcher, mostAtOnce: 1));
        runner.Tell(new Run(One, bench.Shell("sleep 60")), executor);
        var never = bench.Shell("echo ran");
        runner.Tell(new Run(Two, never), executor);
        runner.Tell(new Run(AttemptId.Next(new OperationId("three")), bench.Shell("exit 3")), executor);
        runner.Tell(new Abort(Two), executor);
        var aborted = executor.ExpectMsg<Exited>(TimeSpan.FromSeconds(20));
        Assert.Equal((Two, true), (aborted.Id, aborted.Report.Aborted));
        Assert.False(File.Exists(never.StdoutPath));
        runner.Tell(new Abort(One), executor);
        Assert.Equal(One, executor.ExpectMsg<Exited>(TimeSpan.FromSeconds(20)).Id);
        Assert.Equal(3, executor.ExpectMsg<Exited>(TimeSpan.FromSeconds(20)).Report.ExitCode);
    }

    [Fact]
    public void The_same_operation_twice_at_once_is_refused_and_the_first_goes_on()
    {
        using var bench = new Workbench();
        var executor = CreateTestProbe("executor");
        var runner = Sys.ActorOf(ProcessRunner.CreateProps(bench.Launcher));
        runner.Tell(new Run(One, bench.Shell("sleep 60")), executor);
        runner.Tell(new Run(One, bench.Shell("sleep 60")), executor);
        Assert.Equal(FaultKind.Worker, executor.ExpectMsg<RunFailed>(TimeSpan.FromSeconds(20)).Fault.Kind);
        runner.Tell(new Abort(One), executor);
        Assert.True(executor.ExpectMsg<Exited>(TimeSpan.FromSeconds(20)).Report.Aborted);
    }

    [Fact]
    public async Task Stopping_answers_what_it_held_once_and_ends_it()
    {
        using var bench = new Workbench();
        var executor = CreateTestProbe("executor");
        var runner = Sys.ActorOf(ProcessRunner.CreateProps(bench.Launcher));
        runner.Tell(new Run(One, bench.Shell("sleep 60")), executor);
        await Eventually.HoldsAsync(() => bench.Marked().Count > 0, "it runs");
        Sys.Stop(runner);
        Assert.Equal((One, FaultKind.Worker), executor.ExpectMsg<RunFailed>(TimeSpan.FromSeconds(20)) is var failed
            ? (failed.Id, failed.Fault.Kind)
            : default);
        await Eventually.HoldsAsync(() => bench.Marked().Count == 0, "it has been ended");
        executor.ExpectNoMsg(TimeSpan.Zero);
    }

    [Fact]
    public async Task A_restart_answers_what_it_held_and_runs_again()
    {
        using var bench = new Workbench();
        var executor = CreateTestProbe("executor");
        var runner = await Sys.ActorOf(Props.Create(() => new Restarting(ProcessRunner.CreateProps(bench.Launcher))))
            .Ask<IActorRef>("child", TimeSpan.FromSeconds(20));
        runner.Tell(new Run(One, bench.Shell("sleep 60")), executor);
        await Eventually.HoldsAsync(() => bench.Marked().Count > 0, "it runs");
        runner.Tell(Kill.Instance);
        Assert.Equal(FaultKind.Worker, executor.ExpectMsg<RunFailed>(TimeSpan.FromSeconds(20)).Fault.Kind);
        runner.Tell(new Run(One, bench.Shell("exit 4")), executor);
        Assert.Equal(4, executor.ExpectMsg<Exited>(TimeSpan.FromSeconds(20)).Report.ExitCode);
        await Eventually.HoldsAsync(() => bench.Marked().Count == 0, "the old one has been ended");
    }

    /// <summary>Restarts its child whatever happens to it.</summary>
    private sealed class Restarting : UntypedActor
    {
        private readonly IActorRef _child;

        public Restarting(Props child) => _child = Context.ActorOf(child);

        protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Restart);

        protected override void OnReceive(object message) => Sender.Tell(_child);
    }
}
