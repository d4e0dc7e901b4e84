using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;

namespace NativeLink.Actors.Simulation.Supervision;

/// <summary>What one actor of a system fails on, once.</summary>
internal sealed class FailingOnce(Type actor, string message, bool after) : ExtensionIdProvider<FailingOnce>, IExtension
{
    private int _failed;

    public bool HasFailed => Volatile.Read(ref _failed) == 1;

    public override FailingOnce CreateExtension(ExtendedActorSystem system) => this;

    public bool Hear(ActorBase who, Receive own, object what)
    {
        if (who.GetType() != actor || what.GetType().Name != message || Interlocked.Exchange(ref _failed, 1) == 1)
            return own(what);
        if (after)
            own(what);
        throw new ThrownOnPurposeException($"{actor.Name} <- {message}");
    }
}

/// <summary>A mailbox of real threads whose actor fails as its system's <see cref="FailingOnce"/> says.</summary>
internal sealed class FailingMailbox(Settings settings, Config config)
    : MailboxType(settings, config), IProducesMessageQueue<FailingQueue>
{
    public override IMessageQueue Create(IActorRef owner, ActorSystem system) => new FailingQueue(owner, system);
}

/// <summary>Its messages.</summary>
internal sealed class FailingQueue(IActorRef owner, ActorSystem system)
    : DequeWrapperMessageQueue(new UnboundedMessageQueue()), IUnboundedDequeBasedMessageQueueSemantics, IMessageQueue
{
    bool IMessageQueue.TryDequeue(out Envelope envelope)
    {
        if (!TryDequeue(out envelope))
            return false;
        if (system.TryGetExtension<FailingOnce>(out var failing))
            Hearing.Before(owner, failing.Hear);
        return true;
    }
}
