using Akka.Dispatch;

namespace NativeLink.Actors.Worker.Threads;

/// <summary>
/// Runs tasks, and what follows their awaits, on an Akka dispatcher: work that blocks on the disk
/// stays on the threads that the configuration gives it.
/// </summary>
internal sealed class DispatcherScheduler(MessageDispatcher dispatcher) : TaskScheduler
{
    public Task<T> RunAsync<T>(Func<Task<T>> work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this).Unwrap();

    public Task RunAsync(Action work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this);

    protected override void QueueTask(Task task) => dispatcher.Schedule(() => TryExecuteTask(task));

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => Current == this && TryExecuteTask(task);

    protected override IEnumerable<Task> GetScheduledTasks() => [];
}
