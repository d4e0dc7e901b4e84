using Akka.Actor;
using static NativeLink.Actors.Worker.PoolProtocol;

namespace NativeLink.Actors.Simulation.Running;

/// <summary>
/// Has a pool drained, and says when it has. Asking would go through the thread pool, whose turn nobody can foresee.
/// </summary>
internal sealed class DrainWait
{
    private DrainWait()
    {
    }

    /// <summary>Null until then; whether nothing was lost.</summary>
    public bool? Completed { get; private set; }

    public static DrainWait Begin(ActorSystem system, IActorRef pool)
    {
        var wait = new DrainWait();
        pool.Tell(new DrainAll(), system.ActorOf(Props.Create(() => new Waiting(wait))));
        return wait;
    }

    private sealed class Waiting(DrainWait wait) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (message is not AllDrained drained)
            {
                Unhandled(message);
                return;
            }
            wait.Completed = drained.Completed;
            Context.Stop(Self);
        }
    }
}
