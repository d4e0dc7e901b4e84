using System.Globalization;
using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Operations;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Simulation.Scheduling;

/// <summary>
/// A scheduler with NativeLink's rules (protos/README.md 3): who is longest without work is given some; what a stream
/// owed is asked for again at its end, at the cost of an attempt, as after an internal error; RESOURCE_EXHAUSTED costs
/// none; who is silent for 5 s, or sends what nobody expects, is put out.
/// </summary>
internal sealed class SimScheduler(
    SimWorld world, SimCas cas, IReadOnlyList<Digest> roots, int operations, TimeSpan pause) : ISimScheduler
{
    private const int MostFailures = 3;
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan KillLimit = TimeSpan.FromSeconds(60);

    private readonly List<SimStream> _streams = [];
    private readonly LinkedList<SimOperation> _queue = [];
    private readonly Dictionary<string, SimOperation> _operations = [];
    private long _given;

    public IReadOnlyCollection<SimOperation> Operations => _operations.Values;

    /// <summary>Everything has been asked for, and has come to something; no worker owes anything.</summary>
    public bool IsDone => DoneCount == operations && _streams.TrueForAll(static stream => stream.Owed.Count == 0);

    /// <summary>Operations that have come to something.</summary>
    public int DoneCount { get; private set; }

    /// <summary>Attempts that were lost.</summary>
    public int Retries { get; private set; }

    /// <summary>What is still open, for whom it takes too long.</summary>
    public IEnumerable<string> Open =>
    [
        .. _operations.Values.Where(static operation => operation.Outcome is null).Select(static operation =>
            $"{operation.Id} of {operation.Since:T} at {operation.Stream?.Id.Value ?? "nobody"}"),
        .. _streams.Where(static stream => stream.Owed.Count > 0)
            .Select(static stream => $"{stream.Id} owes {string.Join(' ', stream.Owed.Keys)}"),
    ];

    public void Begin()
    {
        world.Time.Each(TimeSpan.FromSeconds(1), LookRound);
        world.Time.After(world.Some(1, 1000), AcceptNext);
    }

    /// <summary>So many more operations, when all is done.</summary>
    /// <returns>How many there were before.</returns>
    public int Extend(int further)
    {
        var before = operations;
        operations += further;
        AcceptNext();
        return before;
    }

    // --- streams ---

    public void Opened(SimStream stream) => world.Time.After(world.Some(1, 10), () =>
    {
        if (!stream.IsOpen || world.Strike(SimFault.NotGreeted, stream.Id.Value))
            return;
        stream.Say(new RegistrationAccepted(stream.Id));
        if (world.Strike(SimFault.GreetedAndLeft, stream.Id.Value))
        {
            world.Time.After(world.Some(0, 20), () => stream.Leave("the scheduler hung up"));
            return;
        }
        (stream.Registered, stream.Alive) = (true, world.Now);
        _streams.Add(stream);
        world.Time.After(world.Some(1, 10), Match);
    });

    /// <summary>What the stream owed is asked for again.</summary>
    public void Gone(SimStream stream)
    {
        stream.Registered = false;
        _streams.Remove(stream);
        foreach (var operation in stream.Owed.Keys.Select(id => _operations[id])
            .Where(operation => operation.Outcome is null && operation.Stream == stream).ToList())
            Lose(operation);
        stream.Owed.Clear();
        Match();
    }

    public void Take(SimStream stream, WorkerMessage message, SimAttempt? attempt)
    {
        if (!stream.Registered)
            return;
        switch (message)
        {
            case KeepAliveSignal:
                stream.Alive = world.Now;
                break;
            case ResultReady { Result: { } result }:
                TakeResult(stream, result, attempt);
                break;
            case GoingAway:
                stream.Registered = false;
                Gone(stream);
                break;
            default:
                break;
        }
    }

    public void Settled()
    {
    }

    private void LookRound()
    {
        foreach (var stream in _streams.Where(stream => world.Now - stream.Alive > Silence).ToList())
            stream.Leave("silent for 5 s");
    }

    // --- operations ---

    private void AcceptNext()
    {
        var number = _operations.Count;
        if (number == operations)
            return;
        var id = string.Create(CultureInfo.InvariantCulture, $"op-{number}");
        // Some ask for what somebody else asks for.
        var action = world.Chance(0.9) || number == 0
            ? SimActions.Name(number)
            : SimActions.Name(world.Random.Next(number));
        var digest = SimActions.AddAction(cas, action, roots[SimActions.Number(action) % roots.Count]);
        var operation = new SimOperation(id, action, digest, world.Now);
        _operations.Add(id, operation);
        world.Tell(checker => checker.Accepted(operation));
        _queue.AddLast(operation);
        Match();
        world.Time.After(TimeSpan.FromTicks((long)(pause.Ticks * 2 * world.Random.NextDouble())), AcceptNext);
    }

    private void Match()
    {
        while (_queue.First is { Value: var operation })
        {
            var free = _streams.Where(static stream => stream.Owed.Count < stream.Slots)
                .MinBy(static stream => stream.Given);
            if (free is null)
                return;
            _queue.RemoveFirst();
            if (operation.Outcome is null)
                Give(operation, free);
        }
    }

    private void Give(SimOperation operation, SimStream stream)
    {
        (operation.Stream, stream.Given) = (stream, ++_given);
        operation.Given ??= world.Now;
        stream.Owed[operation.Id] = stream.Owed.GetValueOrDefault(operation.Id) + 1;
        SayStart(operation, stream);
        Trouble(operation, stream);
    }

    private void SayStart(SimOperation operation, SimStream stream)
    {
        var skew = world.Strike(SimFault.ClockSkewed, operation.Id)
            ? TimeSpan.FromMinutes(world.Random.Next(-60, 61))
            : TimeSpan.Zero;
        stream.Say(new ActionAssigned(new ActionAssignment(new OperationId(operation.Id), "main", operation.Digest,
            new Reapi.Platform(), operation.Since + skew, stream.Id)), stream.Owed[operation.Id]);
    }

    /// <summary>What may befall an operation, and a stream, while it runs.</summary>
    private void Trouble(SimOperation operation, SimStream stream)
    {
        var id = operation.Id;
        if (world.Strike(SimFault.Killed, id))
            world.Time.After(world.Some(1, 500), () => Kill(operation, stream));
        if (world.Strike(SimFault.SentAgain, id))
            world.Time.After(world.Some(1, 200), () => Again(operation, stream));
        if (world.Strike(SimFault.KilledUnknown, stream.Id.Value))
            stream.Say(new KillRequested(new OperationId("op-unknown")));
        if (world.Strike(SimFault.StreamBreaks, stream.Id.Value))
            world.Time.After(world.Some(1, 500), () => stream.Leave("reset"));
        if (world.Strike(SimFault.StreamHalfOpen, stream.Id.Value))
            world.Time.After(world.Some(1, 500), () => stream.HalfOpen = true);
        if (world.Strike(SimFault.SchedulerDisconnects, stream.Id.Value))
            world.Time.After(world.Some(1, 500), () => stream.Say(new DisconnectRequested()));
    }

    private void Kill(SimOperation operation, SimStream stream)
    {
        if (operation.Outcome is not null || operation.Cancelled || operation.Stream != stream)
            return;
        operation.Cancelled = true;
        SayKill(operation.Id, stream);
        if (!world.Strike(SimFault.StartedAfterKill, operation.Id))
            return;
        world.Time.After(world.Some(0, 40), () =>
        {
            if (operation.Outcome is not null || operation.Stream != stream
                || !stream.Owed.TryGetValue(operation.Id, out var start))
                return;
            operation.Cancelled = false;
            stream.Owed[operation.Id] = start + 1;
            SayStart(operation, stream);
        });
    }

    private void SayKill(string operation, SimStream stream)
    {
        var start = stream.Owed[operation];
        stream.Say(new KillRequested(new OperationId(operation)));
        world.Time.After(KillLimit, () =>
        {
            if (stream.Registered && stream.Owed.GetValueOrDefault(operation) == start)
                stream.Leave($"no answer to the kill of {operation}");
        });
    }

    /// <summary>The scheduler's clock ran out: it goes to whoever has room, also to who has it already.</summary>
    private void Again(SimOperation operation, SimStream stream)
    {
        if (operation.Outcome is not null || operation.Cancelled || operation.Stream != stream)
            return;
        if (world.Chance(0.5))
        {
            stream.Owed[operation.Id]++;
            SayStart(operation, stream);
            return;
        }
        // A sibling in the same process is whom a late clean-up and a kill could hit.
        if (_streams.Find(other => other != stream && other.Host == stream.Host
            && other.Owed.Count < other.Slots) is { } sibling)
        {
            Give(operation, sibling);
            // The run that is given up may be told so, while the other one goes on.
            world.Time.After(world.Some(20, 300), () =>
            {
                if (stream.Owed.ContainsKey(operation.Id) && operation.Stream == sibling)
                    SayKill(operation.Id, stream);
            });
            return;
        }
        operation.Stream = null;
        _queue.AddFirst(operation);
        Match();
    }

    private void TakeResult(SimStream stream, ExecuteResult result, SimAttempt? attempt)
    {
        var id = result.OperationId.Value;
        if (attempt is null || !stream.Owed.TryGetValue(id, out var start))
        {
            stream.Leave($"a result of {id}, which nobody expects");
            return;
        }
        // What left before a later start was heard there does not answer that one.
        var answersAll = attempt.Start == start;
        if (answersAll)
            stream.Owed.Remove(id);
        var operation = _operations[id];
        if (operation.Outcome is null)
            Judge(operation, stream, result, attempt, answersAll);
        Match();
    }

    private void Judge(
        SimOperation operation, SimStream stream, ExecuteResult result, SimAttempt attempt, bool answersAll)
    {
        if (operation.Cancelled && operation.Stream == stream)
            End(operation, SimOutcome.Cancelled);
        else if (attempt.Killed is not null && (!answersAll || operation.Stream != stream))
            world.Trace.Add($"scheduler waits for the next answer to {operation.Id}");
        else if (result.ExecuteResponse is { } response)
            Answer(operation, response);
        else if (operation.Stream != stream || !answersAll)
            world.Trace.Add($"scheduler waits for another answer to {operation.Id}");
        else if (result.InternalError!.Code == (int)Grpc.Core.StatusCode.ResourceExhausted)
            Requeue(operation);
        else
            Lose(operation);
    }

    private void Answer(SimOperation operation, Reapi.ExecuteResponse response)
    {
        var succeeded = response is { Status: null or { Code: 0 }, Result.ExitCode: 0 };
        if (response.Status?.Code == (int)Grpc.Core.StatusCode.FailedPrecondition)
            cas.BringBack();
        End(operation, succeeded ? SimOutcome.Succeeded : SimOutcome.Failed);
    }

    private void Lose(SimOperation operation)
    {
        Retries++;
        if (operation.Cancelled)
            End(operation, SimOutcome.Cancelled);
        else if (++operation.Failures > MostFailures)
            End(operation, SimOutcome.GivenUp);
        else
            Requeue(operation);
    }

    private void Requeue(SimOperation operation)
    {
        operation.Stream = null;
        _queue.AddFirst(operation);
        world.Time.After(world.Some(0, 10), Match);
    }

    private void End(SimOperation operation, SimOutcome outcome)
    {
        world.Trace.Add($"scheduler {operation.Id} {outcome}");
        (operation.Outcome, operation.Stream) = (outcome, null);
        DoneCount++;
        world.Tell(checker => checker.Done(operation));
        // Whoever else runs it runs it for nobody.
        foreach (var stream in _streams.Where(stream => stream.Owed.ContainsKey(operation.Id)))
            SayKill(operation.Id, stream);
    }
}
