using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;
using NativeLink.Actors.Worker.Transfers;

namespace NativeLink.Actors.Worker.Tests.Simulation;

/// <summary>A mailbox that tells the trace of every message.</summary>
internal sealed class SimMailbox(Settings settings, Config config)
    : MailboxType(settings, config), IProducesMessageQueue<SimQueue>
{
    public override IMessageQueue Create(IActorRef owner, ActorSystem system) => new SimQueue(system);
}

/// <summary>Its messages.</summary>
internal sealed class SimQueue(ActorSystem system)
    : DequeWrapperMessageQueue(new UnboundedMessageQueue()), IUnboundedDequeBasedMessageQueueSemantics, IMessageQueue
{
    void IMessageQueue.Enqueue(IActorRef receiver, Envelope envelope)
    {
        var message = envelope.Message;
        var name = NameOf(message.GetType());
        var what = message is ITransferRequest request ? $"{name} {request.Id}" : name;
        if (system.TryGetExtension<SimTrace>(out var trace))
            trace.Add($"{receiver.Path.ToStringWithoutAddress()} <- {what}");
        Enqueue(receiver, envelope);
    }

    private static string NameOf(Type type) =>
        type.DeclaringType is { } outer ? $"{outer.Name}.{type.Name}" : type.Name;
}
