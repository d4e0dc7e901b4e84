using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>
/// What a result says was said by a process of its own attempt: on this host, for this operation, begun after the
/// attempt was asked for.
/// </summary>
internal sealed class OwnRun(SimWorld world, SimCas cas) : Checker(world)
{
    private readonly Dictionary<string, SimRun> _runs = [];

    public override void RunBegan(SimRun run) => _runs.Add(run.Says, run);

    public override void ResultSent(SimStream stream, SimAttempt? attempt, ExecuteResult result)
    {
        if (attempt is null || result.ExecuteResponse?.Result?.StdoutDigest is not { SizeBytes: > 0 } stdout)
            return;
        var digest = Digest.FromWire(stdout, DigestFunction.Sha256, "stdout");
        if (!cas.Has(digest))
        {
            World.Violate($"stdout of {attempt.Operation} is not in the CAS");
            return;
        }
        var says = System.Text.Encoding.UTF8.GetString(cas[digest]);
        if (!_runs.TryGetValue(says, out var run) || run.Operation != attempt.Operation || run.Worker != stream.Worker
            || run.Began < attempt.Heard)
            World.Violate($"{stream.Id} has a result of {attempt.Operation} that is not its own: {says}, {run}");
    }

    // The books are of what may still be told.
    public override void RunEnded(SimRun run) =>
        World.Time.After(TimeSpan.FromMinutes(30), () => _runs.Remove(run.Says));
}
