using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using Akka.Event;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;
using static NativeLink.Actors.Worker.Connection.StreamProtocol;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>What a stream needs.</summary>
/// <param name="Options">The worker that registers.</param>
/// <param name="Link">The way to its scheduler.</param>
/// <param name="Properties">Asked before each stream.</param>
/// <param name="CloseTimeout">How long the last message may take.</param>
internal sealed record StreamSettings(
    ConnectionOptions Options, ISchedulerLink Link, PlatformProperties Properties, TimeSpan CloseTimeout);

/// <summary>
/// One stream to the scheduler: asks for the properties, opens it, registers, keeps it alive,
/// receives and sends. Child of a connection, lives and dies with its stream; hears words for the
/// scheduler and Close, says StreamRegistered, the scheduler's words, and in the end StreamLost or
/// StreamClosed.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "An actor ends with PostStop, which ends what it owns.")]
internal sealed class SchedulerStream : UntypedActor, IWithTimers, IWithUnboundedStash
{
    private readonly StreamSettings _settings;
    private readonly CancellationTokenSource _opening = new();
    private readonly ILoggingAdapter _log;
    private Task<ISchedulerSession>? _opened;
    private ISchedulerSession _session = null!;
    private string _announced = "";
    private int _resultsHanded;
    private int _resultsSent;

    /// <summary>Use <see cref="CreateProps"/>; Akka itself calls this.</summary>
    public SchedulerStream(StreamSettings settings)
    {
        _settings = settings;
        _log = Context.GetLogger().WithContext("Scheduler", settings.Options.SchedulerEndpoint.Address);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public IStash Stash { get; set; } = null!;

    public static Props CreateProps(StreamSettings settings) => Props.Create(() => new SchedulerStream(settings));

    /// <summary>A keep-alive that fails is a stream that is not kept alive.</summary>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);

    protected override void PreStart() =>
        _settings.Properties.ResolveAsync(text => _log.Warning("{Text}", text), _opening.Token).PipeTo(Self,
            success: properties => new PropertiesKnown(properties),
            failure: error => new NotOpened(Fault.From(error)));

    protected override void PostStop()
    {
        _opening.Cancel();
        // A session that opens only now is nobody's any more; what is under way in one is still
        // sent, within the session's own bound. In this very turn, where it is open.
        _opened?.ContinueWith(
            static (opened, state) =>
            {
                ((CancellationTokenSource)state!).Dispose();
                return opened.IsCompletedSuccessfully ? opened.Result.DisposeAsync().AsTask() : Task.CompletedTask;
            },
            _opening, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    protected override void OnReceive(object message) => Resolving(message);

    private void Resolving(object message)
    {
        switch (message)
        {
            case PropertiesKnown known:
                Open(known.Properties);
                break;
            case NotOpened failed:
                Lose(failed.Fault);
                break;
            case Close:
                End(NotOpen);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Open(ImmutableArray<KeyValuePair<string, string>> properties)
    {
        var (self, options) = (Self, _settings.Options);
        _announced = string.Join(", ", properties.Select(property => $"{property.Key}={property.Value}"));
        StartDeadline(options.EndpointTimeout);
        _opened = _settings.Link.ConnectAsync(
            new Registration(options.Name, options.MaxInflightTasks, properties),
            message => self.Tell(message), fault => self.Tell(new Ended(fault)), _opening.Token);
        _opened.PipeTo(Self, success: session => new Opened(session),
            failure: error => new NotOpened(Fault.From(error)));
        Become(Opening);
    }

    private void Opening(object message)
    {
        switch (message)
        {
            case Opened opened:
                _session = opened.Session;
                Context.WatchWith(
                    Context.ActorOf(KeepAlive.CreateProps(_session, _settings.Options.EndpointTimeout / 2), "beat"),
                    new KeepAliveFailed(new Fault(FaultKind.Worker, "the keep-alive died")));
                StartDeadline(_settings.Options.EndpointTimeout);
                Become(Registering);
                Stash.UnstashAll();
                break;
            case NotOpened failed:
                Lose(failed.Fault);
                break;
            case DeadlinePassed:
                // Answered by NotOpened.
                _opening.Cancel();
                break;
            case Close:
                End(NotOpen);
                break;
            case SchedulerMessage or Ended:
                // The link may speak before it has said that it is open.
                Stash.Stash();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Registering(object message)
    {
        switch (message)
        {
            case RegistrationAccepted accepted:
                Timers.Cancel(DeadlinePassed.Instance);
                Context.Parent.Tell(new StreamRegistered(accepted.Worker, _announced));
                Become(Registered);
                break;
            case Close:
                OnClose();
                break;
            case SchedulerMessage other:
                Lose(new Fault(FaultKind.Worker,
                    $"the scheduler's first message was {other.GetType().Name}, not the worker's id"));
                break;
            case DeadlinePassed:
                Lose(
                    new Fault(
                        FaultKind.Worker,
                        $"the scheduler did not register the worker within " +
                        $"{_settings.Options.EndpointTimeout.TotalSeconds:0.#} s"));
                break;
            default:
                OnOpenStream(message);
                break;
        }
    }

    private void Registered(object message)
    {
        switch (message)
        {
            case RegistrationAccepted:
                Lose(new Fault(FaultKind.Worker, "the scheduler sent a second worker id"));
                break;
            case DisconnectRequested:
                Lose(new Fault(FaultKind.Worker, "the scheduler said disconnect"));
                break;
            case SchedulerMessage:
                Context.Parent.Tell(message);
                break;
            case Close:
                OnClose();
                break;
            default:
                OnOpenStream(message);
                break;
        }
    }

    private void OnOpenStream(object message)
    {
        switch (message)
        {
            case WorkerMessage send:
                Send(send);
                break;
            case ResultSent:
                _resultsSent++;
                break;
            case NotSent failed:
                Lose(failed.Fault);
                break;
            case KeepAliveFailed failed:
                Lose(failed.Fault);
                break;
            case Ended ended:
                Lose(ended.Fault ?? new Fault(FaultKind.Worker, "the scheduler ended the stream"));
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Send(WorkerMessage message)
    {
        _resultsHanded += message is ResultReady ? 1 : 0;
        var sending = _session.SendAsync(message, CancellationToken.None);
        if (sending.IsCompletedSuccessfully)
        {
            _resultsSent += message is ResultReady ? 1 : 0;
            return;
        }
        sending.PipeTo(Self, success: message is ResultReady ? static () => ResultSent.Instance : null,
            failure: error => new NotSent(Fault.From(error)));
    }

    private void OnClose()
    {
        // Messages leave in order: when this one has, so have all results before it, whichever is heard of first.
        var before = _resultsHanded;
        _session.SendAsync(new GoingAway(), CancellationToken.None).PipeTo(Self,
            success: () => new GoneAway(before),
            failure: error => new NotSent(Fault.From(error)));
        StartDeadline(_settings.CloseTimeout);
        Become(Closing);
    }

    private void Closing(object message)
    {
        switch (message)
        {
            case GoneAway gone:
                _resultsSent = Math.Max(_resultsSent, gone.ResultsBefore);
                End(null);
                break;
            case DeadlinePassed:
                End(new Fault(FaultKind.Worker, "the scheduler does not read"));
                break;
            case ActionAssigned or AssignmentUnusable:
                Context.Parent.Tell(message);
                break;
            case SchedulerMessage:
                // A kill's operation has been answered; a worker that goes need not be told to.
                break;
            case NotSent failed:
                End(failed.Fault);
                break;
            case KeepAliveFailed failed:
                End(failed.Fault);
                break;
            case Ended ended:
                End(ended.Fault ?? new Fault(FaultKind.Worker, "the scheduler ended the stream"));
                break;
            default:
                OnOpenStream(message);
                break;
        }
    }

    private void End(Fault? fault)
    {
        Context.Parent.Tell(new StreamClosed(fault, _resultsSent));
        Context.Stop(Self);
    }

    private static Fault NotOpen => new(FaultKind.Worker, "no stream was open yet");

    private void Lose(Fault fault)
    {
        Context.Parent.Tell(new StreamLost(fault, _resultsSent));
        Context.Stop(Self);
    }

    private void StartDeadline(TimeSpan limit) =>
        Timers.StartSingleTimer(DeadlinePassed.Instance, DeadlinePassed.Instance, limit);

    private sealed record PropertiesKnown(ImmutableArray<KeyValuePair<string, string>> Properties);

    private sealed record Opened(ISchedulerSession Session);

    private sealed record NotOpened(Fault Fault);

    private sealed record Ended(Fault? Fault);

    private sealed record ResultSent
    {
        public static readonly ResultSent Instance = new();
    }

    private sealed record GoneAway(int ResultsBefore);

    private sealed record NotSent(Fault Fault);

    private sealed record DeadlinePassed
    {
        public static readonly DeadlinePassed Instance = new();
    }
}
