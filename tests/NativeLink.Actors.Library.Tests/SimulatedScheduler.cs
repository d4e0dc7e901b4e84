using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Library.Tests;

/// <summary>
/// A scheduler of one worker, in this process: what
/// is sent to it is a call, what it says another one.
/// </summary>
internal sealed class SimulatedScheduler : ISchedulerLink, ISchedulerSession
{
    private static readonly WorkerId Worker = new("simulated");

    private readonly TaskCompletionSource<ExecuteResult> _answer = new();
    private Action<SchedulerMessage> _say = static _ => { };

    /// <summary>For the options of a worker.</summary>
    public SchedulerEndpointOptions Endpoint => new InThisProcess(this);

    public Task<ISchedulerSession> ConnectAsync(
        Registration registration, Action<SchedulerMessage> onMessage, Action<Fault?> onEnd,
        CancellationToken cancellation)
    {
        _say = onMessage;
        onMessage(new RegistrationAccepted(Worker));
        return Task.FromResult<ISchedulerSession>(this);
    }

    /// <summary>Has the worker run an action; its one answer.</summary>
    public Task<ExecuteResult> ExecuteAsync(Digest action)
    {
        _say(new ActionAssigned(new ActionAssignment(
            new OperationId("operation"), "main", action, new Reapi.Platform(), DateTimeOffset.UnixEpoch, Worker)));
        return _answer.Task;
    }

    public Task SendAsync(WorkerMessage message, CancellationToken cancellation)
    {
        if (message is ResultReady ready)
            _answer.SetResult(ready.Result);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private sealed record InThisProcess(ISchedulerLink Link) : SchedulerEndpointOptions
    {
        public override Uri Address => new("test://scheduler");

        public override ISchedulerLink CreateLink() => Link;
    }
}
