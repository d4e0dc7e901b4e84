using System.Globalization;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Worker.Tests.Simulation;

/// <summary>
/// A scheduler that hands out operations at moments of its own choosing, kills some of them, and counts the answers.
/// </summary>
internal sealed class SimScheduler(
    SimWorld world, SimCas cas, IReadOnlyList<Digest> roots, int operations, double kills)
    : ISchedulerLink, ISchedulerSession
{
    private readonly Dictionary<string, int> _answers = [];
    private Action<SchedulerMessage> _say = static _ => { };
    private int _given;

    public int Answered => _answers.Count(static pair => pair.Value > 0);

    public int Killed { get; private set; }

    /// <summary>Answers with an exit code of 0 and no fault.</summary>
    public int Succeeded { get; private set; }

    public bool IsDone => _given == operations && Answered == operations;

    public async Task<ISchedulerSession> ConnectAsync(
        Registration registration, Action<SchedulerMessage> onMessage, Action<Fault?> onEnd,
        CancellationToken cancellation)
    {
        world.Trace.Add("link connect");
        // Not back to the task scheduler of whoever called: PipeTo, which waits for this, would go on in the thread
        // pool from there.
        await world.DelayAsync(1, 10, cancellation).ConfigureAwait(false);
        _say = onMessage;
        world.Time.After(world.Some(1, 10), () =>
        {
            Say(new RegistrationAccepted(new WorkerId("worker-1")));
            world.Time.After(world.Some(1, 10), GiveNext);
        });
        return this;
    }

    public Task SendAsync(WorkerMessage message, CancellationToken cancellation)
    {
        world.Trace.Add($"link takes {Describe(message)}");
        if (message is ResultReady { Result: { } result })
            Take(result);
        return world.Chance(0.5) ? Task.CompletedTask : world.DelayAsync(1, 10, cancellation);
    }

    /// <summary>Comes on a thread of its own, at the end of the stream: nothing is done then.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Each operation has exactly one answer.</summary>
    public void Check()
    {
        foreach (var (operation, answers) in _answers)
        {
            if (answers != 1)
                world.Wrong.Add($"{operation} has {answers} answers");
        }
    }

    private void GiveNext()
    {
        if (_given == operations)
            return;
        var id = string.Create(CultureInfo.InvariantCulture, $"op-{_given++}");
        _answers.Add(id, 0);
        var action = SimActions.AddAction(cas, id, roots[world.Random.Next(roots.Count)]);
        Say(new ActionAssigned(new ActionAssignment(
            new OperationId(id), "main", action, new Reapi.Platform(), world.Time.GetUtcNow(), new WorkerId(
                "worker-1"))));
        if (world.Chance(kills))
        {
            world.Time.After(world.Some(1, 400), () =>
            {
                Killed += _answers[id] == 0 ? 1 : 0;
                Say(new KillRequested(new OperationId(id)));
            });
        }
        world.Time.After(world.Some(1, 60), GiveNext);
    }

    private void Take(ExecuteResult result)
    {
        var id = result.OperationId.Value;
        _answers[id] = _answers.GetValueOrDefault(id) + 1;
        if (result.ExecuteResponse is not { Status: null or { Code: 0 }, Result: { ExitCode: 0 } outputs })
            return;
        Succeeded++;
        if (SimActions.WhatIsWrong(cas, id, outputs) is { } wrong)
            world.Wrong.Add(wrong);
    }

    private void Say(SchedulerMessage message)
    {
        world.Trace.Add($"link says {Describe(message)}");
        _say(message);
    }

    private static string Describe(object message) => message switch
    {
        ActionAssigned assigned =>
            $"ActionAssigned {assigned.Assignment.Id} {SimWorld.Short(assigned.Assignment.Action)}",
        KillRequested kill => $"KillRequested {kill.Operation}",
        ResultReady { Result: var result } =>
            $"ResultReady {result.OperationId} {result.ExecuteResponse?.Status?.Code} " +
            $"{result.ExecuteResponse?.Result?.ExitCode}",
        _ => message.GetType().Name,
    };
}
