using Akka.Actor;
using Akka.Dispatch;

namespace NativeLink.Actors.Worker.Threads;

/// <summary>
/// Runs tasks, and what follows their awaits, on an Akka dispatcher: work that blocks on the disk
/// stays on the threads that the configuration gives it.
/// </summary>
internal sealed class DispatcherScheduler(MessageDispatcher dispatcher) : TaskScheduler
{
    public Task<T> RunAsync<T>(Func<Task<T>> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this).Unwrap();

    public Task RunAsync(Action work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this);

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

    protected override void QueueTask(Task task) => dispatcher.Schedule(() => TryExecuteTask(task));

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) =>
        Current == this && TryExecuteTask(task);

    protected override IEnumerable<Task> GetScheduledTasks() => [];
}
