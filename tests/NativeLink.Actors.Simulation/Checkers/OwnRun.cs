using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>
/// What a result says was said by a process of its own attempt: at this worker, for this operation, begun after the
/// attempt was asked for; and its exit code is that process's. That a process has ended is only said of one that has.
/// </summary>
internal sealed class OwnRun(SimWorld world, SimCas cas) : Checker(world)
{
    private static readonly TimeSpan Kept = TimeSpan.FromMinutes(30);

    private readonly Dictionary<string, SimRun> _runs = [];
    private readonly HashSet<(string Worker, string Operation)> _ended = [];

    public override void RunBegan(SimRun run) => _runs.Add(run.Says, run);

    public override void RunEnded(SimRun run)
    {
        _ended.Add((run.Worker, run.Operation));
        // The books are of what may still be told.
        World.Time.After(Kept, () => _runs.Remove(run.Says));
    }

    public override void CompletionSent(SimStream stream, string operation)
    {
        if (!_ended.Contains((stream.Worker, operation)))
            World.Violate($"{stream.Id} says that {operation} has ended, of which no process has");
    }

    public override void ResultSent(SimStream stream, SimAttempt? attempt, ExecuteResult result)
    {
        if (attempt is null || result.ExecuteResponse?.Result is not { StdoutDigest.SizeBytes: > 0 } outputs)
            return;
        var digest = Digest.FromWire(outputs.StdoutDigest, DigestFunction.Sha256, "stdout");
        if (!cas.Has(digest))
        {
            World.Violate($"stdout of {attempt.Operation} is not in the CAS");
            return;
        }
        var says = System.Text.Encoding.UTF8.GetString(cas[digest]);
        if (!_runs.TryGetValue(says, out var run) || run.Operation != attempt.Operation || run.Worker != stream.Worker
            || run.Began < attempt.Heard)
            World.Violate($"{stream.Id} has a result of {attempt.Operation} that is not its own: {says}, {run}");
        else if (outputs.ExitCode != run.ExitCode)
            World.Violate($"{attempt.Operation} has the exit code {outputs.ExitCode}, its process had {run.ExitCode}");
    }
}
