using System.Runtime.CompilerServices;
using Akka.Actor;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Worker;
using NativeLink.Actors.Worker.Transfers;

namespace NativeLink.Actors.Simulation.Supervision;

/// <summary>Thrown by an actor that is made to fail.</summary>
internal sealed class ThrownOnPurposeException(string what) : Exception(what);

/// <summary>When an actor fails.</summary>
/// <param name="At">At what it hears, and where.</param>
/// <param name="Time">At which of them, from 1 on.</param>
/// <param name="After">When it has been handled, not in its place.</param>
/// <param name="Forged">The message is one that nobody sends there; it is put into the mailbox by the test.</param>
internal sealed record Throw(Handler At, int Time, bool After, bool Forged)
{
    public override string ToString() => $"{At} #{Time}{(After ? " after" : "")}{(Forged ? " forged" : "")}";
}

/// <summary>
/// Makes the actors of a simulation fail, in the order of a plan, and says what they hear in which state. Each message
/// goes through a behaviour that is put before the actor's own one for this one message.
/// </summary>
internal sealed class Thrower
{
    private static readonly Dictionary<Type, IReadOnlyDictionary<string, IReadOnlyList<Type>>> States = [];

    private readonly SimulationRun _run;
    private readonly Queue<Throw> _plan;
    private readonly HashSet<IActorRef> _pausing = [];
    private readonly Dictionary<Handler, int> _heard = [];
    private object? _forged;

    public Thrower(SimulationRun run, IEnumerable<Throw> plan)
    {
        (_run, _plan) = (run, new Queue<Throw>(plan));
        run.World.Taken = OnTaken;
    }

    /// <summary>What was heard, and how often, since the last failure.</summary>
    public IReadOnlyDictionary<Handler, int> Heard => _heard;

    /// <summary>What has not come about.</summary>
    public IReadOnlyCollection<Throw> Left => _plan;

    private object? OnTaken(IActorRef owner)
    {
        if (Hearing.Before(owner, (actor, own, message) => Hear(owner, actor, own, message)) is not { } hearing)
            return null;
        var type = hearing.Actor.GetType();
        return _plan.TryPeek(out var next) && next.Forged && next.At.Actor == type
            && next.At.State == NameOf(owner, hearing.Own, StatesOf(type))
            ? _forged = Forge(next.At)
            : null;
    }

    private bool Hear(IActorRef owner, ActorBase actor, Receive own, object message)
    {
        var type = actor.GetType();
        var states = StatesOf(type);
        var state = NameOf(owner, own, states);
        var asked = states.TryGetValue(state, out var messages)
            ? messages.FirstOrDefault(kind => kind.IsInstanceOfType(message))
            : null;
        if (asked is null)
            return own(message);
        var at = new Handler(type, state, asked);
        // What comes before what is to fail first is another matter.
        var count = _heard[at] = _heard.GetValueOrDefault(at) + 1;
        if (message.GetType().Name == "PauseOver")
            _pausing.Remove(owner);
        if (!_plan.TryPeek(out var next)
            || !(next.Forged ? ReferenceEquals(message, _forged) : next.At == at && next.Time == count))
            return own(message);
        _plan.Dequeue();
        _heard.Clear();
        if (next.After)
            own(message);
        Fail(owner, actor, next);
        return true;
    }

    private static object Forge(Handler at)
    {
        var before = StatesOf(at.Actor)[at.State].TakeWhile(kind => kind != at.Message).ToList();
        var kind = typeof(WorkerPool).Assembly.GetTypes().Prepend(typeof(object)).First(
            kind => !kind.IsAbstract && !kind.ContainsGenericParameters && at.Message.IsAssignableFrom(kind)
                && !before.Exists(other => other.IsAssignableFrom(kind)));
        var forged = RuntimeHelpers.GetUninitializedObject(kind);
        // What it promises is looked at when it is not kept.
        foreach (var field in kind.GetFields(Code.All).Where(static field => field.FieldType.IsGenericType
            && field.FieldType.GetGenericTypeDefinition() == typeof(Promise<>)))
            field.SetValue(forged, Activator.CreateInstance(field.FieldType));
        return forged;
    }

    private void Fail(IActorRef owner, ActorBase actor, Throw what)
    {
        if (actor is TransferActor)
            _pausing.Add(owner);
        _run.World.Trace.Add($"throw {what} in {owner.Path.ToStringWithoutAddress()}");
        foreach (var host in _run.Hosts.Where(host => host.Pool.Path.Name == owner.Path.Elements[1]))
            _run.World.Tell(checker => checker.Failed(host));
        throw new ThrownOnPurposeException($"{what}");
    }

    private static IReadOnlyDictionary<string, IReadOnlyList<Type>> StatesOf(Type actor)
    {
        lock (States)
            return States.TryGetValue(actor, out var states) ? states : States[actor] = Handler.StatesOf(actor);
    }

    private string NameOf(IActorRef owner, Receive own, IReadOnlyDictionary<string, IReadOnlyList<Type>> states)
    {
        if (states.ContainsKey("Pausing"))
            return _pausing.Contains(owner) ? "Pausing" : "ReadyWithRest";
        // UntypedActor.Become wraps the method that the actor has become.
        var method = own.Target?.GetType().GetFields(Code.All)
            .Select(field => field.GetValue(own.Target)).OfType<UntypedReceive>().FirstOrDefault()?.Method.Name;
        if (method is not null)
            return method;
        return states.Keys.FirstOrDefault(static state => state is ".ctor" or "OnReceive" or "Resolving") ?? "";
    }
}
