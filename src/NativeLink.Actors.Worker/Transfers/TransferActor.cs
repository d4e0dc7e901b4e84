using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;
using Akka.Actor;
using Akka.Event;
using NativeLink.Actors.Worker.Supervision;
using NativeLink.Actors.Worker.Telemetry;
using NativeLink.Actors.Worker.Threads;

namespace NativeLink.Actors.Worker.Transfers;

/// <summary>What an attempt asks of a downloader or an uploader; answered exactly once.</summary>
internal interface ITransferRequest
{
    AttemptId Id { get; }
}

/// <summary>
/// What the downloader and the uploader share: each request is held until its work ends, is
/// cancelled, or the actor is stopped or restarted, and is answered exactly once in every case. A
/// restart is followed by a pause that grows with each one, in which requests are refused at once.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "An actor ends in PostStop, which ends what it owns.")]
internal abstract class TransferActor : ReceiveActor, IWithTimers
{
    /// <summary>How long a cancelled request may take to end before it is answered without waiting for it.</summary>
    private static readonly TimeSpan CancelGrace = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _lifetime = new();
    private readonly Dictionary<object, Held> _held = [];
    private readonly string _role;
    private readonly RestartPause _restarts;

    private protected TransferActor(string role, RestartPause restarts)
    {
        (_role, _restarts) = (role, restarts);
        Log = Context.GetLogger();
        Disk = DispatcherScheduler.ForDisk(Context.Dispatcher);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private protected ILoggingAdapter Log { get; }

    /// <summary>Runs tasks on the actor's own dispatcher, whose threads may block on the disk.</summary>
    private protected DispatcherScheduler Disk { get; }

    /// <summary>Ends with the actor, and with it the calls that it has made.</summary>
    private protected CancellationToken Lifetime => _lifetime.Token;

    /// <summary>A child's half-done work cannot be rebuilt: it stops, and is answered for from here.</summary>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);

    protected override void PreStart() => Become(ReadyWithRest);

    /// <summary>What it failed on is answered too: nobody else knows of it.</summary>
    protected override void PreRestart(Exception reason, object message)
    {
        var fault = new Fault(FaultKind.Worker, $"the {_role} failed on this request: {reason.Message}");
        if (message is ITransferRequest request && !IsHeld(request.Id))
            Sender.Tell(Failed(request.Id, fault));
        (message as IPromised)?.Break(fault);
        // What came for those who are answered here is nobody's any more.
        (message as IDisposable)?.Dispose();
        Context.StopChildren();
        base.PreRestart(reason, message);
    }

    protected override void PostRestart(Exception reason)
    {
        base.PostRestart(reason);
        var pause = _restarts.Next();
        Log.Warning("The {Role} failed ({Reason}); it takes requests again in {Seconds:0.0} s", _role, reason.Message,
            pause.TotalSeconds);
        Timers.StartSingleTimer(PauseOver.Instance, PauseOver.Instance, pause);
        Become(Pausing);
    }

    protected override void PostStop()
    {
        _lifetime.Cancel();
        var fault = new Fault(FaultKind.Worker, $"the {_role} failed or was stopped while it held this request");
        BreakPromises(fault);
        foreach (var held in _held.Values)
        {
            held.Stop.Cancel();
            held.ReplyTo.Tell(Failed(held.Id, fault));
        }
        _held.Clear();
        base.PostStop();
    }

    /// <summary>Answers, at the actor's end, whoever waits for it beside the requests that are held.</summary>
    private protected abstract void BreakPromises(Fault fault);

    /// <summary>Whether the actor's end answers this attempt.</summary>
    private protected virtual bool IsHeld(AttemptId id) => _held.Values.Any(held => held.Id == id);

    /// <summary>The answer to a request that failed.</summary>
    private protected abstract object Failed(AttemptId id, Fault fault);

    /// <summary>What the actor hears while it works.</summary>
    private protected abstract void Ready();

    /// <summary>Starts the work of a request, without a child; its result is the answer.</summary>
    private protected void Hold(AttemptId id, Func<CancellationToken, Task<object>> work)
    {
        var held = new Held(id, Sender, new CancellationTokenSource(), null);
        _held.Add(held, held);
        Disk.RunFor(
            Self, () => work(held.Stop.Token),
            answer => new Ended(held, answer, null), error => new Ended(held, null, Fault.From(error)));
    }

    /// <summary>
    /// Gives the work of a request to a child; its
    /// <see cref="TransferEnded"/> is the answer, and its failure is one too.
    /// </summary>
    private protected void HoldByChild(AttemptId id, Func<CancellationToken, Props> child)
    {
        var stop = new CancellationTokenSource();
        var actor = Context.Watch(Context.ActorOf(child(stop.Token)));
        _held.Add(actor, new Held(id, Sender, stop, actor));
    }

    /// <summary>Starts a call; what comes of it is a message.</summary>
    private protected void Start<T>(Func<Task<T>> call, Func<T, object> done) =>
        Disk.RunFor(Self, call, done, static error => new WorkBroke(error));

    /// <summary>Ends what an attempt has running here.</summary>
    private protected virtual void Cancel(AttemptId id)
    {
        foreach (var (key, held) in _held.Where(pair => pair.Value.Id == id
            && !pair.Value.Stop.IsCancellationRequested))
        {
            held.Stop.Cancel();
            Timers.StartSingleTimer(key, new GraceOver(key), CancelGrace);
        }
    }

    private protected Fault Aborted => new(FaultKind.Aborted, $"the {_role} was told to give this up");

    private void ReadyWithRest()
    {
        Ready();
        Receive<Ended>(ended => OnEnded(ended.Held, ended.Answer, ended.Fault));
        Receive<TransferEnded>(ended => OnEnded(Sender, ended.Answer, ended.Fault));
        Receive<Terminated>(OnTerminated);
        Receive<WorkBroke>(static broke => ExceptionDispatchInfo.Throw(broke.Error));
        Receive<GraceOver>(OnGraceOver);
    }

    private void Pausing()
    {
        Receive<PauseOver>(_ => Become(ReadyWithRest));
        Receive<ITransferRequest>(request => Sender.Tell(Failed(request.Id, new Fault(
            FaultKind.Worker, $"the {_role} failed a moment ago and takes no requests yet; see the worker's log")
        { Code = Grpc.Core.StatusCode.Unavailable })));
        Receive<IPromised>(promised => promised.Break(new Fault(FaultKind.Worker, $"the {_role} failed a moment ago")));
        // What was begun before the failure has been answered.
        ReceiveAny(static message => (message as IDisposable)?.Dispose());
    }

    private void OnEnded(object key, object? answer, Fault? fault)
    {
        // Given up already, or asked of this actor before it was restarted: what came of it belongs
        // to the directory that it was made in.
        if (!_held.Remove(key, out var held))
            return;
        Timers.Cancel(key);
        var cancelled = held.Stop.IsCancellationRequested;
        held.Stop.Dispose();
        if (cancelled)
            held.ReplyTo.Tell(Failed(held.Id, Aborted));
        else if (fault is not null)
            held.ReplyTo.Tell(Failed(held.Id, fault));
        else
            held.ReplyTo.Tell(answer);
    }

    /// <summary>A child that has said how it ended is not held any more.</summary>
    private void OnTerminated(Terminated ended) =>
        OnEnded(ended.ActorRef, null, new Fault(FaultKind.Worker,
            $"the {_role}'s work on this request failed unexpectedly; see the worker's log"));

    private void OnGraceOver(GraceOver grace)
    {
        if (!_held.Remove(grace.Key, out var held))
            return;
        Log.Of(held.Id).Warning(
            "A cancelled request has not ended after {Grace}; it is answered without waiting for it", CancelGrace);
        if (held.Child is { } child)
            Context.Stop(Context.Unwatch(child));
        held.ReplyTo.Tell(Failed(held.Id, Aborted));
    }

    /// <summary>
    /// A class, not a record: two requests are never the
    /// same one, not even before and after a restart.
    /// </summary>
    private sealed class Held(AttemptId id, IActorRef replyTo, CancellationTokenSource stop, IActorRef? child)
    {
        public AttemptId Id { get; } = id;

        public IActorRef ReplyTo { get; } = replyTo;

        public CancellationTokenSource Stop { get; } = stop;

        /// <summary>Null: the work is a task.</summary>
        public IActorRef? Child { get; } = child;
    }

    private sealed record Ended(Held Held, object? Answer, Fault? Fault);

    private sealed record GraceOver(object Key);

    private sealed record PauseOver
    {
        public static readonly PauseOver Instance = new();
    }
}

/// <summary>
/// A task of the actor's own ended as no task of its should:
/// the actor fails, and with that answers whoever waits for it.
/// </summary>
internal sealed record WorkBroke(Exception Error);

/// <summary>From a child to the actor that holds its request: the answer, or why there is none.</summary>
internal sealed record TransferEnded(object? Answer, Fault? Fault);
