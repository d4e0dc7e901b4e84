using Akka.Actor;
using Akka.Event;
using NativeLink.Actors.Worker.Outputs;
using NativeLink.Actors.Worker.Processes;
using NativeLink.Actors.Worker.Telemetry;
using NativeLink.Actors.Worker.Threads;
using static NativeLink.Actors.Worker.Inputs.DownloadProtocol;
using static NativeLink.Actors.Worker.Operations.ExecutorProtocol;
using static NativeLink.Actors.Worker.Outputs.UploadProtocol;
using static NativeLink.Actors.Worker.Processes.ProcessProtocol;

namespace NativeLink.Actors.Worker.Operations;

/// <content>From the end of the process, or from what cut it short, to the one answer.</content>
internal sealed partial class ActionExecutor
{
    private ResultKind? _resultKind;
    private Fault? _fault;
    private ProcessReport? _report;
    private Reapi.ActionResult? _outputs;
    private ExecuteResult? _result;
    private Stage _stage = Stage.Loading;
    private Stage _interrupted = Stage.Loading;

    protected override void PostStop()
    {
        if (_assignment is null)
            return;
        // Crashed, or stopped from above: the connection answers; here nothing may be left running or lying about.
        if (!_finished)
            Cancel(_stage == Stage.Ending ? _interrupted : _stage);
        Release();
    }

    private RunFindings TakeReport(Exited exited)
    {
        _report = exited.Report;
        (_stamps.ExecutionStart, _stamps.ExecutionCompleted) = (exited.Report.Started, exited.Report.Ended);
        var found = exited.Found as RunFindings ?? RunFindings.None;
        _directory.Account(found.LogBytes);
        return found;
    }

    /// <summary>Says how the process ended.</summary>
    private void Judge(ProcessReport report, RunFindings found)
    {
        if (_timedOut && report.Aborted)
        {
            var whose = _plan.Timeout.Limit == Options.MaxActionTimeout && _action.Timeout is null
                ? "the worker's maximum"
                : "its timeout";
            SetFault(
                new Fault(
                    FaultKind.TimedOut,
                    $"exceeded deadline: " +
                    $"the action timed out after {MessageText.Seconds(_plan.Timeout.Limit)} ({whose})"),
                    ResultKind.TimedOut);
        }
        else if (found.SaysTimeout)
            SetFault(
                new Fault(
                    FaultKind.TimedOut, "exceeded deadline: the action timed out, as the wrapper around it reports"),
                    ResultKind.TimedOutExternally);
        else if (report is { ExitCode: not 0, Usage.OutOfMemory: true })
        {
            var fault = new Fault(FaultKind.Action,
                $"out of memory: the kernel ended a process of the action, exit code {report.ExitCode}");
            SetFault(fault with { Code = Grpc.Core.StatusCode.ResourceExhausted }, ResultKind.OutOfMemory);
        }
        else
            _resultKind ??= report switch
            {
                { Signal: not 0 } => ResultKind.Signalled,
                { ExitCode: not 0 } => ResultKind.ExitedNonZero,
                _ => ResultKind.Succeeded,
            };
    }

    private void SetFault(Fault fault, ResultKind? resultKind = null)
    {
        if (_fault is not null)
            return;
        _fault = fault;
        // A result kind without a fault is that of a process that ended well; what failed afterwards replaces it.
        _resultKind = resultKind ?? (_resultKind == ResultKind.PreconditionFailed
            ? _resultKind
            : ResultKinds.Of(fault));
    }

    // --- uploading ---

    private void BeginUploading()
    {
        _stamps.OutputUploadStart = Now;
        var plan = new UploadPlan(_root!.Path, _command, _assignment.Action.Function, _directory.StdoutPath,
            _directory.StderrPath, _root.UpperLayerPath);
        _settings.Peers.Uploader.Tell(new Upload(Id, plan));
        Enter(Stage.Uploading, Uploading);
    }

    private void Uploading(object message)
    {
        switch (message)
        {
            case Uploaded uploaded when uploaded.Id == Id:
                (_outputs, _stamps.OutputUploadCompleted) = (uploaded.Outputs, Now);
                BeginPublishing();
                break;
            case UploadFailed failed when failed.Id == Id:
                Conclude(OfPeer(failed.Fault));
                break;
            case DeadlinePassed:
                Interrupt(TooSlow("collecting and uploading the outputs", Options.MaxUploadTimeout));
                break;
            default:
                OnAnyStage(message);
                break;
        }
    }

    // --- publishing ---

    private void BeginPublishing()
    {
        _result = BuildResult();
        var plan = _result.ExecuteResponse is { } response
            ? ResultPolicy.Plan(Options.Results, _action.DoNotCache, _assignment.Action, response)
            : null;
        if (plan is null)
        {
            Finish(null);
            return;
        }
        _settings.Peers.Uploader.Tell(new Publish(Id, plan));
        Enter(Stage.Publishing, Publishing);
        Release();
    }

    private void Publishing(object message)
    {
        switch (message)
        {
            case Published published when published.Id == Id:
                Finish(new ResultPolicy.Published(published.ActionCacheWritten, published.Historical));
                break;
            case UploadFailed failed when failed.Id == Id:
                _log.Warning("result not remembered: {Reason}", failed.Fault.Detail);
                Finish(null);
                break;
            case DeadlinePassed or KillAction:
                // What was computed is the answer, also to a kill: it only has to come soon.
                _log.Warning("result not remembered: the action cache did not answer before {Why}",
                    message is KillAction ? "the kill" : "the deadline");
                _settings.Peers.Uploader.Tell(new CancelUpload(Id));
                Finish(null);
                break;
            default:
                OnAnyStage(message);
                break;
        }
    }

    // --- ending before time ---

    private void OnAnyStage(object message)
    {
        switch (message)
        {
            case KillAction kill:
                Interrupt(new Fault(FaultKind.Aborted, kill.Reason));
                break;
            case Watchdog:
                _log.Info("in stage {Stage} for {Seconds:0} s, waiting for {Peer}", _stage.Name,
                    (Now - _clock.Since).TotalSeconds, _stage.WaitsFor);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Interrupt(Fault fault)
    {
        SetFault(fault);
        _interrupted = _stage;
        Cancel(_interrupted);
        Enter(Stage.Ending, Ending);
    }

    private void Cancel(Stage stage) => stage.Cancel?.Invoke(_settings.Peers, Id);

    private void Ending(object message)
    {
        switch (message)
        {
            case DeadlinePassed:
                _log.Warning("{Peer} did not give up {Stage} in time; answered without waiting longer",
                    _interrupted.WaitsFor, _interrupted.Name);
                Conclude(_fault!, linger: true);
                break;
            case KillAction or Watchdog:
                break;
            default:
                if (TakeLateReply(message))
                    Conclude(_fault!);
                else
                    Unhandled(message);
                break;
        }
    }

    private bool TakeLateReply(object message)
    {
        switch (message)
        {
            case InputsStaged staged when staged.Id == Id:
                _root = staged.Root;
                return true;
            case Exited exited when exited.Id == Id:
                if (_interrupted == Stage.Running)
                    TakeReport(exited);
                return true;
            case ActionLoaded { Id: var id } when id == Id:
            case DownloadFailed { Id: var failed } when failed == Id:
            case RunFailed { Id: var run } when run == Id:
            case Uploaded { Id: var uploaded } when uploaded == Id:
            case UploadFailed { Id: var upload } when upload == Id:
                return true;
            default:
                return false;
        }
    }

    private void Lingering(object message)
    {
        if (message is not DeadlinePassed && !TakeLateReply(message))
            return;
        Release();
        Context.Stop(Self);
    }

    private void Conclude(Fault fault, bool linger = false)
    {
        SetFault(fault);
        _result = BuildResult();
        Finish(null, linger);
    }

    private ExecuteResult BuildResult()
    {
        _stamps.WorkerCompleted = Now;
        return ExecuteResultBuilder.Build(new ActionOutcome(_assignment, _resultKind!.Value, _fault, _stamps)
        {
            Process = _report,
            Outputs = _outputs,
            SignalExitCodeIsNine = _settings.SignalExitCodeIsNine,
            Message = _resultKind == ResultKind.Signalled
                ? $"the action's process was ended by signal {_report!.Signal}"
                : "",
        });
    }

    private void Finish(ResultPolicy.Published? published, bool linger = false)
    {
        var result = _result!;
        if (result.ExecuteResponse is { } response
            && ResultPolicy.Message(Options.Results, response, _assignment.Action,
                published) is { Length: > 0 } message)
        {
            // The response may still be on its way into the historical record: that one stays as it is.
            var told = response.Clone();
            told.Message = message;
            result = result with { ExecuteResponse = told };
        }
        _finished = true;
        _clock.Leave(Now);
        Report();
        Context.Parent.Tell(new Finished(Id, result, _resultKind!.Value) { DoNotCache = _action.DoNotCache });
        Timers.Cancel(Watchdog.Instance);
        if (linger)
        {
            // Somebody still works in the directory: it stays until they have ended.
            Enter(Stage.Lingering, Lingering);
            return;
        }
        Release();
        Context.Stop(Self);
    }

    private void Report()
    {
        var resultKind = _resultKind!.Value;
        WorkerMetrics.RecordAction(resultKind.Label(), Now - _stamps.WorkerStart!.Value);
        foreach (var (stage, took) in _clock.Stages)
            WorkerMetrics.RecordStage(stage, took);
        if (resultKind is ResultKind.Infrastructure or ResultKind.DiskFull)
            _log.Warning("action {ActionDigest} of operation {OperationId}: {Verdict}: {Reason}; {Stages}",
                _assignment.Action, Id.Operation, resultKind.Label(), _fault?.Detail, _clock);
        else
            _log.Info(
                "action {ActionDigest} of operation {OperationId}: {Verdict}, exit code {ExitCode}; " +
                "{Stages}{Reason}",
                _assignment.Action, Id.Operation, resultKind.Label(), _report?.ExitCode, _clock, _fault is { } fault
                    ? $"; {fault.Detail}"
                    : "");
    }

    /// <summary>
    /// Nobody waits for this: unmounting alone takes longer than the answer's way to the scheduler.
    /// A root that is still being made goes when it has been.
    /// </summary>
    private void Release()
    {
        if (_released || _directory is null)
            return;
        (_released, _root) = (true, null);
        var log = _log;
        // By nobody's mailbox: whoever it were may be stopped in the same moment.
        DispatcherScheduler.ForDisk(Context.Dispatcher).RunAside(_directory.Dispose, error => log.Warning(
            "what the attempt had on disk could not be cleaned up ({Reason}); the next start of the worker removes it",
            error.Message));
    }

    /// <summary>
    /// A stage begins, and its deadline with it. Whoever works on it has been asked before, and begins meanwhile: asked
    /// last, they cost a tenth more switches with one action in flight, since this thread slept when they answered.
    /// </summary>
    private void Enter(Stage stage, UntypedReceive behaviour)
    {
        _clock.Enter(stage.Name, Now);
        _stage = stage;
        StartDeadline(stage.Limit(_settings, _plan));
        Become(behaviour);
    }

    // The timer's generation makes a deadline of an earlier stage, already in the mailbox, unheard.
    private void StartDeadline(TimeSpan limit) =>
        Timers.StartSingleTimer(DeadlinePassed.Instance, DeadlinePassed.Instance, limit);

    private static Fault TooSlow(string what, TimeSpan limit) =>
        new(FaultKind.Worker, $"{what} did not finish within {MessageText.Seconds(limit)}")
        {
            Code = Grpc.Core.StatusCode.DeadlineExceeded,
        };

    /// <summary>
    /// Aborted and TimedOut are words about the action; of a
    /// service that was not asked to stop they are its own failure.
    /// </summary>
    private static Fault OfPeer(Fault fault) => fault.Kind switch
    {
        FaultKind.Aborted => fault with { Kind = FaultKind.Worker, Code = Grpc.Core.StatusCode.Unavailable },
        FaultKind.TimedOut => fault with { Kind = FaultKind.Storage, Code = Grpc.Core.StatusCode.DeadlineExceeded },
        _ => fault,
    };

    private sealed record DeadlinePassed
    {
        public static readonly DeadlinePassed Instance = new();
    }

    private sealed record Watchdog
    {
        public static readonly Watchdog Instance = new();
    }
}
