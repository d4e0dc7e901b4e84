using Akka.Actor;
using Akka.Dispatch;

namespace NativeLink.Actors.Worker.Threads;

/// <summary>
/// Runs tasks, and what follows their awaits, on an Akka dispatcher. What may block on the disk belongs on a scheduler
/// made by <see cref="ForDisk"/>, which takes no more than the disk's share of the threads.
/// </summary>
internal sealed class DispatcherScheduler : TaskScheduler
{
    private readonly MessageDispatcher _dispatcher;
    private readonly DiskShare? _share;

    private DispatcherScheduler(MessageDispatcher dispatcher, DiskShare? share) =>
        (_dispatcher, _share) = (dispatcher, share);

    /// <summary>For what does not block.</summary>
    public static DispatcherScheduler On(MessageDispatcher dispatcher) => new(dispatcher, null);

    /// <summary>For what may block on the disk.</summary>
    public static DispatcherScheduler ForDisk(MessageDispatcher dispatcher) =>
        new(dispatcher, DiskShare.Of(dispatcher));

    public Task RunAsync(Action work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this);

    /// <summary>Work that nobody waits for, and that goes on when whoever asked for it has ended.</summary>
    /// <param name="failed">Called there when it fails.</param>
    public void RunAside(Action work, Action<Exception> failed) => _ = RunAsync(() =>
    {
        try
        {
            work();
        }
        catch (Exception error)
        {
            failed(error);
        }
    });

    /// <summary>
    /// Work on the disk of whoever does not run on a scheduler for it: on this very thread while the disk's share has a
    /// place, which saves a hop, else when it has one again.
    /// </summary>
    public async ValueTask<T> RunHereAsync<T>(Func<T> work)
    {
        if (_share?.TryEnter() == false)
            return await Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this);
        try
        {
            return work();
        }
        finally
        {
            _share?.Leave();
        }
    }

    /// <summary>
    /// Runs work and tells what came of it, from these threads: <c>PipeTo</c> would tell it from the thread pool, one
    /// more thread to be woken, and one whose turn nobody can foresee.
    /// </summary>
    public void RunFor<T>(
        IActorRef recipient, Func<Task<T>> work, Func<T, object> success, Func<Exception, object> failure) =>
        _ = Task.Factory.StartNew(
        async () =>
        {
            object outcome;
            try
            {
                outcome = success(await work());
            }
            catch (Exception error)
            {
                outcome = failure(error);
            }
            recipient.Tell(outcome, ActorRefs.NoSender);
        },
        CancellationToken.None, TaskCreationOptions.DenyChildAttach, this);

    protected override void QueueTask(Task task)
    {
        if (_share is null)
            _dispatcher.Schedule(() => TryExecuteTask(task));
        else
            _share.Run(() => TryExecuteTask(task));
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) =>
        Current == this && TryExecuteTask(task);

    protected override IEnumerable<Task> GetScheduledTasks() => [];
}
