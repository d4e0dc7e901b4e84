using Akka.Actor;
using static NativeLink.Actors.Worker.PoolProtocol;

namespace NativeLink.Actors.Simulation.Supervision;

/// <summary>Asks a pool, once and for all, what whoever started it asks.</summary>
internal sealed class PoolAsker
{
    private PoolAsker()
    {
    }

    /// <summary>Whether it was told that all workers are registered.</summary>
    public bool HeardRegistered { get; private set; }

    /// <summary>Whether it was told that the pool has ended.</summary>
    public bool HeardStopped { get; private set; }

    public static PoolAsker Begin(ActorSystem system, IActorRef pool)
    {
        var asker = new PoolAsker();
        var waiting = system.ActorOf(Props.Create(() => new Waiting(asker)));
        pool.Tell(new AwaitRegistered(), waiting);
        pool.Tell(new AwaitStopped(), waiting);
        return asker;
    }

    private sealed class Waiting(PoolAsker asker) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case AllRegistered:
                    asker.HeardRegistered = true;
                    break;
                case Stopped:
                    asker.HeardStopped = true;
                    break;
                default:
                    Unhandled(message);
                    break;
            }
        }
    }
}
