using Akka.Actor;
using Akka.Event;
using NativeLink.Actors.Simulation.Supervision;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>No actor fails but those that are made to.</summary>
internal sealed class OwnFailures : Checker
{
    public OwnFailures(SimWorld world, ActorSystem system)
        : base(world) =>
        system.EventStream.Subscribe(
            system.ActorOf(Props.Create(() => new Listening(world)), "failures"), typeof(Error));

    private sealed class Listening(SimWorld world) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (message is Error { Cause: { } cause } error
                && cause is not (ActorKilledException or ThrownOnPurposeException))
                world.Violate($"{error.LogSource} failed: {cause.GetType().Name}: {cause.Message}");
        }
    }
}
