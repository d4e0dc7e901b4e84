using Akka.Actor;
using Akka.Event;
using NativeLink.Actors.Worker.Telemetry;
using NativeLink.Actors.Worker.Threads;
using static NativeLink.Actors.Worker.Processes.ProcessProtocol;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>
/// Owns what runs: hears <see cref="Run"/> and <see cref="Abort"/>, says <see cref="Exited"/> or
/// <see cref="RunFailed"/>, exactly once a Run. Supervised by the host's services; shared by all
/// workers in it. How many run at once is the executors' bound (max_inflight_tasks); a bound of its
/// own keeps a mistake there from taking the machine. When it restarts or stops, everything it ran
/// is ended and every Run it still held is answered.
/// </summary>
internal sealed class ProcessRunner : ReceiveActor
{
    private readonly IProcessLauncher _launcher;
    private readonly int _mostAtOnce;
    private readonly Dictionary<AttemptId, Held> _running = [];
    private readonly Queue<(Run Run, IActorRef ReplyTo)> _waiting = new();
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly DispatcherScheduler _steps = DispatcherScheduler.On(Context.Dispatcher);
    private readonly DispatcherScheduler _disk = DispatcherScheduler.ForDisk(Context.Dispatcher);

    /// <summary>Use <see cref="CreateProps"/>.</summary>
    public ProcessRunner(IProcessLauncher launcher, int mostAtOnce)
    {
        (_launcher, _mostAtOnce) = (launcher, mostAtOnce);
        Receive<Run>(OnRun);
        Receive<Abort>(OnAbort);
        Receive<Ended>(OnEnded);
    }

    /// <param name="launcher">Disposed by whoever made it, after this actor has stopped.</param>
    /// <param name="mostAtOnce">More Runs than this wait their turn.</param>
    public static Props CreateProps(IProcessLauncher launcher, int mostAtOnce = 4096) =>
        Props.Create(() => new ProcessRunner(launcher, mostAtOnce)).WithDispatcher(WorkerHocon.StepsDispatcher);

    protected override void PreRestart(Exception reason, object message)
    {
        var fault = new Fault(
            FaultKind.Worker, $"the process runner failed and ended what it ran: {reason.Message}");
        // What it failed on is answered too: nobody else knows of it.
        if (message is Run run && !IsHeld(run.Id))
            Sender.Tell(new RunFailed(run.Id, fault));
        AnswerAll(fault);
        base.PreRestart(reason, message);
    }

    protected override void PostRestart(Exception reason)
    {
        // PreStart's log line needs no second telling.
    }

    protected override void PostStop()
    {
        AnswerAll(new Fault(FaultKind.Worker, "the process runner was stopped and ended what it ran"));
        base.PostStop();
    }

    private void OnRun(Run run)
    {
        if (IsHeld(run.Id))
        {
            Sender.Tell(
                new RunFailed(run.Id, new Fault(FaultKind.Worker, $"attempt {run.Id} already has a process here")));
            return;
        }

        if (_running.Count >= _mostAtOnce)
            _waiting.Enqueue((run, Sender));
        else
            Begin(run, Sender);
    }

    private bool IsHeld(AttemptId id) => _running.ContainsKey(id) || _waiting.Any(waiting => waiting.Run.Id == id);

    private void OnAbort(Abort abort)
    {
        if (_running.TryGetValue(abort.Id, out var held))
        {
            held.Abort.Cancel();
            return;
        }

        for (var i = _waiting.Count; i > 0; i--)
        {
            var (run, replyTo) = _waiting.Dequeue();
            if (run.Id == abort.Id)
                replyTo.Tell(new Exited(run.Id, ProcessReport.NeverStarted(Context.System.Scheduler.Now)));
            else
                _waiting.Enqueue((run, replyTo));
        }
    }

    private void OnEnded(Ended ended)
    {
        // After a restart an answer of the time before may still come.
        if (!_running.TryGetValue(ended.Id, out var held) || held.Abort != ended.Abort) return;
        _running.Remove(ended.Id);
        held.Abort.Dispose();
        held.ReplyTo.Tell(ended.Answer);
        if (ended.Answer is Exited { Report: { } report })
            _log.Debug("Attempt {AttemptId} ended with exit code {ExitCode}, signal {Signal}, aborted {Aborted}",
                ended.Id, report.ExitCode, report.Signal, report.Aborted);
        if (_waiting.TryDequeue(out var next)) Begin(next.Run, next.ReplyTo);
    }

    private void Begin(Run run, IActorRef replyTo)
    {
        var abort = new CancellationTokenSource();
        _running.Add(run.Id, new Held(replyTo, abort));
        // On the actor's dispatcher, so that the end of the process is taken up there without a
        // further thread in between.
        _steps.RunFor(
            Self,
            () => RunAsync(run, abort.Token),
            exited => new Ended(run.Id, abort, exited),
            error => new Ended(run.Id, abort, new RunFailed(run.Id, Fault.From(error))));
    }

    private async Task<Exited> RunAsync(Run run, CancellationToken abort)
    {
        var leave = run.Enter?.Invoke();
        try
        {
            var report = await _launcher.RunAsync(run.Plan with { Attempt = run.Id }, abort);
            return new Exited(run.Id, report, run.Inspect is { } inspect ? await _disk.RunHereAsync(inspect) : null);
        }
        finally
        {
            if (leave?.Invoke() is { } remove)
                Remove(run.Id, remove);
        }
    }

    /// <summary>Of what was given up while the process was in it; nobody waits for this.</summary>
    private void Remove(AttemptId id, Action remove) => _disk.RunAside(remove, error =>
        _log.Warning("what attempt {AttemptId} left could not be removed: {Reason}", id, error.Message));

    private void AnswerAll(Fault fault)
    {
        foreach (var (id, held) in _running)
        {
            held.Abort.Cancel();
            held.ReplyTo.Tell(new RunFailed(id, fault));
        }

        _running.Clear();
        while (_waiting.TryDequeue(out var waiting)) waiting.ReplyTo.Tell(new RunFailed(waiting.Run.Id, fault));
    }

    private sealed record Held(IActorRef ReplyTo, CancellationTokenSource Abort);

    private sealed record Ended(AttemptId Id, CancellationTokenSource Abort, object Answer);
}
