using Akka.Actor;

namespace NativeLink.Actors.Worker.Transfers;

/// <summary>Makes actors by a function: what their constructors take need not be public.</summary>
internal sealed class Maker<T>(Func<T> make) : IIndirectActorProducer
    where T : ActorBase
{
    public Type ActorType => typeof(T);

    public ActorBase Produce() => make();

    public void Release(ActorBase actor)
    {
    }
}
