using System.Reflection;
using Akka.Actor;
using NativeLink.Actors.Worker;

namespace NativeLink.Actors.Simulation.Supervision;

/// <summary>
/// A behaviour that is put before an actor's own one for the message that it hears next: what it throws is thrown by
/// the actor at that message.
/// </summary>
internal sealed class Hearing
{
    private static readonly PropertyInfo CellActor = typeof(ActorCell).GetProperty("Actor", Code.All)!;
    private static readonly FieldInfo CellState = typeof(ActorCell).GetField("_state", Code.All)!;
    private static readonly MethodInfo Behaviour = CellState.FieldType.GetMethod("GetCurrentBehavior")!;

    private readonly ActorCell _cell;
    private readonly Func<ActorBase, Receive, object, bool> _hear;

    private Hearing(ActorCell cell, ActorBase actor, Receive own, Func<ActorBase, Receive, object, bool> hear) =>
        (_cell, Actor, Own, _hear) = (cell, actor, own, hear);

    public ActorBase Actor { get; }

    /// <summary>What the actor itself does with a message.</summary>
    public Receive Own { get; }

    /// <summary>On the actor's own thread, between two messages; null when it is none of the worker's.</summary>
    public static Hearing? Before(IActorRef owner, Func<ActorBase, Receive, object, bool> hear)
    {
        if (owner is not ActorRefWithCell { Underlying: ActorCell cell }
            || CellActor.GetValue(cell) is not ActorBase actor
            || actor.GetType().Assembly != typeof(WorkerPool).Assembly)
            return null;
        var own = (Receive)Behaviour.Invoke(CellState.GetValue(cell), null)!;
        // One that the message before had no use for is still there.
        if (own.Target is Hearing there)
            return there;
        var hearing = new Hearing(cell, actor, own, hear);
        cell.BecomeStacked(hearing.Hear);
        return hearing;
    }

    private bool Hear(object message)
    {
        _cell.UnbecomeStacked();
        return _hear(Actor, Own, message);
    }
}
