using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Simulation.Scheduling;

/// <summary>
/// One stream, seen from both ends: messages take their time, in their order, both ways; what is under way when it
/// breaks is lost.
/// </summary>
internal sealed class SimStream(
    SimWorld world, ISimScheduler scheduler, SimHost host, string worker, int slots, Registration registration,
    Action<SchedulerMessage> hear, Action<Fault?> end)
    : ISchedulerSession
{
    private readonly Dictionary<string, SimAttempt> _atWorker = [];
    private DateTimeOffset _downAt, _upAt;
    private bool _gone;

    public SimHost Host => host;

    public string Worker => worker;

    /// <summary>How many operations may run at once.</summary>
    public int Slots => slots;

    /// <summary>As the worker has introduced itself.</summary>
    public Registration Registration => registration;

    /// <summary>The name of the worker on this stream; a scheduler may choose another when it greets.</summary>
    public WorkerId Id { get; set; } = new($"{worker}-{world.NextNumber()}");

    /// <summary>What the scheduler waits for: by operation, the number of its last start.</summary>
    public Dictionary<string, int> Owed { get; } = [];

    /// <summary>Whether the scheduler counts on it.</summary>
    public bool Registered { get; set; }

    /// <summary>When the scheduler last heard of it.</summary>
    public DateTimeOffset Alive { get; set; }

    /// <summary>When it was last given something.</summary>
    public long Given { get; set; }

    /// <summary>Nothing comes through.</summary>
    public bool HalfOpen { get; set; }

    /// <summary>Whether the worker still has it.</summary>
    public bool IsOpen => !_gone;

    /// <summary>Whether the worker has ended it; what it sent before may still be under way.</summary>
    public bool IsLeft { get; private set; }

    /// <summary>Whether no later start began another attempt.</summary>
    public bool IsLatest(SimAttempt attempt) => ReferenceEquals(_atWorker[attempt.Operation], attempt);

    public void Say(SchedulerMessage message, int start = 0)
    {
        world.Trace.Add($"{Id} says {Describe(message)}");
        _downAt = Next(_downAt);
        world.Time.After(_downAt - world.Now, () =>
        {
            if (!_gone && !HalfOpen)
                Deliver(message, start);
        });
    }

    public Task SendAsync(WorkerMessage message, CancellationToken cancellation)
    {
        if (_gone)
            return Task.FromException(new FaultException(FaultKind.Worker, "the stream has ended"));
        if (message is KeepAliveSignal && host.Errs(Planted.MissedKeepAlive))
            return Task.CompletedTask;
        if (message is ResultReady && host.Errs(Planted.LostReply))
            return Task.CompletedTask;
        Send(message);
        if (message is ResultReady && host.Errs(Planted.DoubledResult))
            Send(message);
        return world.Chance(0.5) ? Task.CompletedTask : world.DelayAsync(1, 10, cancellation);
    }

    private void Send(WorkerMessage message)
    {
        var attempt = message is ResultReady { Result: { } result } ? TakeResult(result) : null;
        if (message is ExecutionCompleted { Operation: var completed })
            world.Tell(checker => checker.CompletionSent(this, completed.Value));
        if (message is KeepAliveSignal)
            world.Tell(checker => checker.KeepAlive(this));
        else
            world.Trace.Add($"{Id} sends {Describe(message)}");
        _upAt = Next(_upAt);
        world.Time.After(_upAt - world.Now, () =>
        {
            if (!_gone && !HalfOpen)
                scheduler.Take(this, message, attempt);
        });
    }

    /// <summary>By the worker, which first sends what it has sent.</summary>
    public ValueTask DisposeAsync()
    {
        if (_gone)
            return ValueTask.CompletedTask;
        IsLeft = true;
        world.Tell(checker => checker.StreamLeft(this));
        world.Trace.Add($"{Id} is left");
        _upAt = Next(_upAt);
        world.Time.After(_upAt - world.Now, () =>
        {
            // Where nothing comes through, the scheduler hears of it by its silence.
            if (!HalfOpen)
                scheduler.Gone(this);
            EndAtWorker(null);
        });
        return ValueTask.CompletedTask;
    }

    /// <summary>By the scheduler, or by what is between the two.</summary>
    public void Leave(string why)
    {
        world.Trace.Add($"{Id} ends {why}");
        scheduler.Gone(this);
        if (HalfOpen)
            // The worker's own system finds out when it likes.
            world.Time.After(world.Some(100, 20_000), () => EndAtWorker(why));
        else
            EndAtWorker(why);
    }

    private void EndAtWorker(string? why)
    {
        if (_gone)
            return;
        _gone = true;
        world.Tell(checker => checker.StreamEnded(this));
        if (why is not null)
            end(new Fault(FaultKind.Worker, why));
    }

    private void Deliver(SchedulerMessage message, int start)
    {
        switch (message)
        {
            case ActionAssigned { Assignment.Id: var id }:
                var dies = _atWorker.GetValueOrDefault(id.Value) is { Answered: false, Killed: not null };
                Hear(id.Value, start);
                if (dies && host.Errs(Planted.AdoptedByDying))
                    return;
                break;
            case KillRequested { Operation: var id } when _atWorker.GetValueOrDefault(id.Value) is
            {
                Answered: false, Killed: null
            } attempt:
                attempt.Killed = world.Now;
                world.Tell(checker => checker.KillHeard(this, attempt));
                break;
            case RegistrationAccepted:
                world.Tell(checker => checker.GreetingHeard(this));
                Resend();
                break;
            default:
                break;
        }
        hear(message);
    }

    private void Resend()
    {
        if (host.LastSent.TryGetValue(worker, out var last) && host.Errs(Planted.ResultOfOldStream))
            Send(new ResultReady(last));
    }

    private void Hear(string operation, int start)
    {
        if (_atWorker.GetValueOrDefault(operation) is not { Answered: false, Killed: null } attempt)
            _atWorker[operation] = attempt = new SimAttempt(operation, world.Now);
        attempt.Start = start;
        world.Tell(checker => checker.StartHeard(this, attempt));
    }

    private SimAttempt? TakeResult(ExecuteResult result)
    {
        var attempt = _atWorker.GetValueOrDefault(result.OperationId.Value);
        world.Tell(checker => checker.ResultSent(this, attempt, result));
        if (attempt is not null)
            attempt.Answered = true;
        host.LastSent[worker] = result;
        return attempt;
    }

    private DateTimeOffset Next(DateTimeOffset last)
    {
        var next = world.Now + world.Some(0, world.Strike(SimFault.LinkSlow, Id.Value) ? 1500 : 8);
        return next > last ? next : last + TimeSpan.FromTicks(1);
    }

    private static string Describe(object message) => message switch
    {
        ActionAssigned assigned =>
            $"ActionAssigned {assigned.Assignment.Id} {SimWorld.Short(assigned.Assignment.Action)}",
        KillRequested kill => $"KillRequested {kill.Operation}",
        ResultReady { Result: var result } =>
            $"ResultReady {result.OperationId} {result.InternalError?.Code} " +
            $"{result.ExecuteResponse?.Status?.Code} {result.ExecuteResponse?.Result?.ExitCode}",
        _ => message.GetType().Name,
    };
}
