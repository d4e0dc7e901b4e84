using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;
using NativeLink.Actors.Worker.Transfers;

namespace NativeLink.Actors.Simulation.World;

/// <summary>A mailbox that tells the trace of every message, and who has one.</summary>
internal sealed class SimMailbox(Settings settings, Config config)
    : MailboxType(settings, config), IProducesMessageQueue<SimQueue>
{
    public override IMessageQueue Create(IActorRef owner, ActorSystem system) => new SimQueue(owner, system);
}

/// <summary>Its messages.</summary>
internal sealed class SimQueue : DequeWrapperMessageQueue, IUnboundedDequeBasedMessageQueueSemantics, IMessageQueue
{
    private readonly IActorRef _owner;
    private readonly SimWorld? _world;

    public SimQueue(IActorRef owner, ActorSystem system)
        : base(new UnboundedMessageQueue())
    {
        _owner = owner;
        if (system.TryGetExtension<SimWorld>(out var world))
            _world = world;
        _world?.Actors.Begin(owner);
    }

    void IMessageQueue.Enqueue(IActorRef receiver, Envelope envelope)
    {
        var message = envelope.Message;
        var name = NameOf(message.GetType());
        var what = message is ITransferRequest request ? $"{name} {request.Id}" : name;
        _world?.Trace.Add($"{receiver.Path.ToStringWithoutAddress()} <- {what}");
        Enqueue(receiver, envelope);
    }

    bool IMessageQueue.TryDequeue(out Envelope envelope)
    {
        if (!TryDequeue(out envelope))
            return false;
        if (_world?.Taken?.Invoke(_owner) is not { } first)
            return true;
        EnqueueFirst(envelope);
        envelope = new Envelope(first, ActorRefs.NoSender);
        return true;
    }

    void IMessageQueue.CleanUp(IActorRef owner, IMessageQueue deadletters)
    {
        _world?.Actors.End(_owner);
        CleanUp(owner, deadletters);
    }

    private static string NameOf(Type type) =>
        type.DeclaringType is { } outer ? $"{outer.Name}.{type.Name}" : type.Name;
}
