using Akka.Actor;
using Akka.Event;
using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Worker.Processes;
using NativeLink.Actors.Worker.Telemetry;
using static NativeLink.Actors.Worker.Inputs.DownloadProtocol;
using static NativeLink.Actors.Worker.Operations.ExecutorProtocol;
using static NativeLink.Actors.Worker.Processes.ProcessProtocol;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>
/// The life of one action: precondition → loading → staging → running → uploading → publishing →
/// done. Owns the action's directory and its clock; child of a connection, which answers for it
/// should it die. Hears Start and KillAction from there and the replies of its peers; says
/// ProcessEnded and Finished.
/// </summary>
internal sealed partial class ActionExecutor : UntypedActor, IWithTimers
{
    private readonly ExecutorSettings _settings;
    private readonly ActionStamps _stamps = new();
    private readonly StageTimings _clock = new();
    private ILoggingAdapter _log = Context.GetLogger();
    private AttemptId _attempt;
    private ActionAssignment _assignment = null!;
    private Reapi.Action _action = new();
    private Reapi.Command _command = new();
    private ActionPlan _plan = null!;
    private IActionDirectory _directory = null!;
    private IInputRoot? _root;
    private bool _released;
    private RunClock? _run;
    private bool _timedOut;
    private bool _finished;

    /// <summary>Use <see cref="CreateProps"/>; Akka itself calls this.</summary>
    public ActionExecutor(ExecutorSettings settings) => _settings = settings;

    public ITimerScheduler Timers { get; set; } = null!;

    private AttemptId Id => _attempt;

    private ExecutorOptions Options => _settings.Options;

    private static DateTimeOffset Now => Context.System.Scheduler.Now;

    public static Props CreateProps(ExecutorSettings settings) =>
        Props.Create(() => new ActionExecutor(settings)).WithDispatcher(WorkerHocon.StepsDispatcher);

    protected override void OnReceive(object message)
    {
        if (message is Start start)
            OnStart(start.Attempt, start.Assignment);
        else
            Unhandled(message);
    }

    private void OnStart(AttemptId attempt, ActionAssignment assignment)
    {
        (_attempt, _assignment) = (attempt, assignment);
        _log = Context.GetLogger().Of(attempt).WithContext("ActionDigest", assignment.Action);
        _directory = _settings.Directories.New(attempt);
        _stamps.WorkerStart = Now;
        Timers.StartPeriodicTimer(Watchdog.Instance, Watchdog.Instance, _settings.Limits.Watchdog);
        if (Options.PreconditionScript is { } script)
            BeginPrecondition(script);
        else
            BeginLoading();
    }

    // --- precondition ---

    private void BeginPrecondition(string script)
    {
        try
        {
            var directory = _directory;
            var plan = Operations.Precondition.Plan(script, _assignment, Options, directory.ScriptStdoutPath,
                directory.ScriptStderrPath);
            _settings.Peers.Runner.Tell(new Run(Id, plan, directory.TakeScript, directory.Enter));
            Enter(Stage.Precondition, Precondition);
        }
        catch (FaultException error)
        {
            Conclude(error.Fault);
        }
        catch (FormatException error)
        {
            Conclude(new Fault(
                FaultKind.Worker, $"precondition script: {error.Message}; correct the worker's configuration"));
        }
    }

    private void Precondition(object message)
    {
        switch (message)
        {
            case Exited exited when exited.Id == Id:
                OnPreconditionExited(exited.Report, exited.Found as ScriptFindings ?? ScriptFindings.None);
                break;
            case RunFailed failed when failed.Id == Id:
                Conclude(NotRun(failed.Fault.Detail));
                break;
            case DeadlinePassed:
                _resultKind = ResultKind.PreconditionFailed;
                Interrupt(Unwilling(
                    $"the precondition script did not end within {MessageText.Seconds(Options.PreconditionTimeout)}"));
                break;
            default:
                OnAnyStage(message);
                break;
        }
    }

    private void OnPreconditionExited(ProcessReport report, ScriptFindings said)
    {
        var took = report.Ended - report.Started;
        if (took > TimeSpan.FromSeconds(1))
            _log.Warning("precondition script took {Seconds:0.0} s; every action waits for it", took.TotalSeconds);
        if (report is { ExitCode: 0, Aborted: false })
            BeginLoading();
        else if (report.Unstarted)
            Conclude(NotRun(said.Stderr));
        else
            Refuse($"the precondition script refused the action with exit code {report.ExitCode}: {said.Stdout}");
    }

    /// <summary>A script that does not run is no reason to try for ever: this counts as an attempt.</summary>
    private Fault NotRun(string reason) =>
        new(FaultKind.Worker, $"the precondition script '{Options.PreconditionScript}' could not be run: {reason}");

    private void Refuse(string reason)
    {
        _resultKind = ResultKind.PreconditionFailed;
        Conclude(Unwilling(reason));
    }

    private static Fault Unwilling(string reason) => new(FaultKind.Worker, reason)
    {
        Code = Grpc.Core.StatusCode.ResourceExhausted,
    };

    // --- loading ---

    private void BeginLoading()
    {
        _stamps.WorkerStart = Now;
        _settings.Peers.Downloader.Tell(new LoadAction(Id, _assignment.Action));
        Enter(Stage.Loading, Loading);
    }

    private void Loading(object message)
    {
        switch (message)
        {
            case ActionLoaded loaded when loaded.Id == Id:
                OnActionLoaded(loaded);
                break;
            case DownloadFailed failed when failed.Id == Id:
                Conclude(OfPeer(failed.Fault));
                break;
            case DeadlinePassed:
                Interrupt(TooSlow("loading the action and its command", _settings.Limits.Loading));
                break;
            default:
                OnAnyStage(message);
                break;
        }
    }

    private void OnActionLoaded(ActionLoaded loaded)
    {
        (_action, _command) = (loaded.Action, loaded.Command);
        try
        {
            _plan = ActionPlan.Create(_assignment, _action, _command, Options);
            BeginStaging(loaded.InputRoot);
        }
        catch (FaultException error)
        {
            Conclude(error.Fault);
        }
    }

    // --- staging ---

    private void BeginStaging(Digest inputRoot)
    {
        _stamps.InputFetchStart = Now;
        _settings.Peers.Downloader.Tell(
            new StageInputs(Id, inputRoot, _directory.Staging, _plan.OutputParents, _plan.WorkingDirectory));
        Enter(Stage.Staging, Staging);
    }

    private void Staging(object message)
    {
        switch (message)
        {
            case InputsStaged staged when staged.Id == Id:
                OnInputsStaged(staged);
                break;
            case DownloadFailed failed when failed.Id == Id:
                Conclude(OfPeer(failed.Fault));
                break;
            case DeadlinePassed:
                Interrupt(TooSlow("fetching and laying out the inputs", _settings.Limits.Staging));
                break;
            default:
                OnAnyStage(message);
                break;
        }
    }

    private void OnInputsStaged(InputsStaged staged)
    {
        _root = staged.Root;
        _directory.Account(staged.Root.Bytes);
        _stamps.InputFetchCompleted = Now;
        BeginRunning(_plan.ToProcess(_directory, staged.WorkingDirectory));
    }

    // --- running ---

    private void BeginRunning(ProcessPlan process)
    {
        _stamps.ExecutionStart = Now;
        _run = new RunClock();
        var (directory, root, hasSideChannel) = (_directory, _root!, _plan.HasSideChannel);
        _settings.Peers.Runner.Tell(new Run(
            Id, process with { Clock = _run }, () => directory.Inspect(root, hasSideChannel),
            directory.Enter));
        Enter(Stage.Running, Running);
    }

    private void Running(object message)
    {
        switch (message)
        {
            case Exited exited when exited.Id == Id:
                OnExited(exited);
                break;
            case RunFailed failed when failed.Id == Id:
                Conclude(OfPeer(failed.Fault));
                break;
            case DeadlinePassed when !_timedOut && LeftToRun is var left && left > TimeSpan.Zero:
                StartDeadline(left);
                break;
            case DeadlinePassed when !_timedOut:
                OnTimeout();
                break;
            case DeadlinePassed:
                Interrupt(new Fault(FaultKind.Worker,
                    $"the timed-out action's processes could not be ended within " +
                    $"{MessageText.Seconds(_settings.Limits.ProcessEnd)}"));
                break;
            default:
                OnAnyStage(message);
                break;
        }
    }

    /// <summary>
    /// The timeout is of the run alone: the wait for a
    /// process, which the runner bounds, is not part of it.
    /// </summary>
    private TimeSpan LeftToRun
    {
        get
        {
            var limit = _plan.Timeout.Limit;
            var left = _run!.Started is { } started ? started + limit - Now : limit;
            return left < limit ? left : limit;
        }
    }

    private void OnTimeout()
    {
        _timedOut = true;
        _settings.Peers.Runner.Tell(new Abort(Id));
        StartDeadline(_settings.Limits.ProcessEnd);
    }

    private void OnExited(Exited exited)
    {
        var report = exited.Report;
        var found = TakeReport(exited);
        Context.Parent.Tell(new ProcessEnded(Id));
        // What the process did where its memory was full says nothing about it, whatever its exit
        // code: it may have gone on without what it could not write.
        if (found.OutOfSpaceReason is { } outOfSpace)
        {
            Conclude(new Fault(FaultKind.Worker, outOfSpace) { Code = Grpc.Core.StatusCode.Unavailable });
            return;
        }
        if (!(_timedOut && report.Aborted) && found.SideChannelFault is { } unclear)
        {
            Conclude(unclear);
            return;
        }
        Judge(report, found);
        if (report.Aborted && !_timedOut)
            Conclude(new Fault(FaultKind.Worker,
                "the action's process was ended by this worker without being asked to; it may be shutting down"));
        else
            BeginUploading();
    }
}
