using Akka.Actor;
using Akka.Event;
using NativeLink.Actors.Worker.Telemetry;

namespace NativeLink.Actors.Worker.Remote;

/// <summary>
/// What the downloader and the uploader share: each request is held until its work ends, is cancelled, or the actor is stopped or restarted, and is
/// answered exactly once in every case. Work runs on the actor's dispatcher; its results come back through the mailbox.
/// </summary>
public abstract class TransferActor : ReceiveActor, IWithTimers
{
    /// <summary>How long a cancelled request may take to end before it is answered without waiting for it.</summary>
    private static readonly TimeSpan CancelGrace = TimeSpan.FromSeconds(2);

    private readonly HashSet<Held> _held = [];
    private readonly string _role;

    private protected TransferActor(string role)
    {
        _role = role;
        Log = Context.GetLogger();
        Disk = new DispatcherScheduler(Context.Dispatcher);
        Receive<Ended>(OnEnded);
        Receive<GraceOver>(OnGraceOver);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private protected ILoggingAdapter Log { get; }

    /// <summary>Runs tasks on the actor's own dispatcher.</summary>
    private protected TaskScheduler Disk { get; }

    protected override void PostStop()
    {
        foreach (var held in _held)
        {
            held.Stop.Cancel();
            held.ReplyTo.Tell(Failed(held.Id, new Fault(FaultKind.Worker, $"the {_role} failed or was stopped while it held this request")));
        }
        _held.Clear();
        base.PostStop();
    }

    /// <summary>The answer to a request that failed.</summary>
    private protected abstract object Failed(AttemptId id, Fault fault);

    /// <summary>Starts the work of a request; its result is the answer.</summary>
    private protected void Hold(AttemptId id, Func<CancellationToken, Task<object>> work)
    {
        var held = new Held(id, Sender, new CancellationTokenSource());
        _held.Add(held);
        Task.Factory.StartNew(() => work(held.Stop.Token), CancellationToken.None, TaskCreationOptions.DenyChildAttach, Disk)
            .Unwrap()
            .PipeTo(Self, success: answer => new Ended(held, answer, null), failure: error => new Ended(held, null, Fault.From(error)));
    }

    /// <summary>Ends what an attempt has running here.</summary>
    private protected void Cancel(AttemptId id)
    {
        foreach (var held in _held.Where(held => held.Id == id && !held.Stop.IsCancellationRequested))
        {
            held.Stop.Cancel();
            Timers.StartSingleTimer(held, new GraceOver(held), CancelGrace);
        }
    }

    private void OnEnded(Ended ended)
    {
        var held = ended.Held;
        // Given up already, or asked of this actor before it was restarted: what came of it belongs to the directory that it was made in.
        if (!_held.Remove(held))
            return;
        Timers.Cancel(held);
        var cancelled = held.Stop.IsCancellationRequested;
        held.Stop.Dispose();
        if (cancelled)
            held.ReplyTo.Tell(Failed(held.Id, Aborted));
        else if (ended.Fault is { } fault)
            held.ReplyTo.Tell(Failed(held.Id, fault));
        else
            held.ReplyTo.Tell(ended.Answer);
    }

    private void OnGraceOver(GraceOver grace)
    {
        var held = grace.Held;
        if (!_held.Remove(held))
            return;
        Log.Of(held.Id).Warning("A cancelled request has not ended after {Grace}; it is answered without waiting for it", CancelGrace);
        held.ReplyTo.Tell(Failed(held.Id, Aborted));
    }

    private Fault Aborted => new(FaultKind.Aborted, $"the {_role} was told to give this up");

    /// <summary>A class, not a record: two requests are never the same one, not even before and after a restart.</summary>
    private sealed class Held(AttemptId id, IActorRef replyTo, CancellationTokenSource stop)
    {
        public AttemptId Id { get; } = id;

        public IActorRef ReplyTo { get; } = replyTo;

        public CancellationTokenSource Stop { get; } = stop;
    }

    private sealed record Ended(Held Held, object? Answer, Fault? Fault);

    private sealed record GraceOver(Held Held);
}
