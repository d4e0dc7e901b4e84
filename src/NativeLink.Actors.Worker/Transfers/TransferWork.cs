using Akka.Actor;
using NativeLink.Actors.Worker.Telemetry;
using NativeLink.Actors.Worker.Threads;

namespace NativeLink.Actors.Worker.Transfers;

/// <summary>
/// One request of a downloader or an uploader that takes more than a moment: child of the actor
/// that holds it, which hears <see cref="TransferEnded"/> from it and answers for it should it
/// fail. Its work runs on the threads that may block on the disk.
/// </summary>
internal sealed class TransferWork : UntypedActor
{
    private readonly Func<CancellationToken, Task<object>> _work;
    private readonly CancellationToken _cancelled;

    /// <summary>Use <see cref="CreateProps"/>; Akka itself calls this.</summary>
    public TransferWork(Func<CancellationToken, Task<object>> work, CancellationToken cancelled) =>
        (_work, _cancelled) = (work, cancelled);

    /// <param name="work">Its result is the answer.</param>
    /// <param name="cancelled">Ends it.</param>
    public static Props CreateProps(Func<CancellationToken, Task<object>> work, CancellationToken cancelled) =>
        Props.Create(() => new TransferWork(work, cancelled)).WithDispatcher(WorkerHocon.StepsDispatcher);

    protected override void PreStart() =>
        DispatcherScheduler.ForDisk(Context.Dispatcher).RunFor(
            Self, () => _work(_cancelled),
            answer => new TransferEnded(answer, null), error => new TransferEnded(null, Fault.From(error)));

    protected override void OnReceive(object message)
    {
        if (message is TransferEnded)
        {
            Context.Parent.Tell(message);
            Context.Stop(Self);
        }
        else
        {
            Unhandled(message);
        }
    }
}
