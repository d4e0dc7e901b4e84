using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Scheduling.Local;

/// <summary>The simulated CAS and action cache as the local cluster's scheduler asks for them.</summary>
internal sealed class ClusterSource(SimWorld world, SimCas cas) : IActionSource, IActionResults
{
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(Digest digest, CancellationToken cancellation)
    {
        await world.DelayAsync(0, 3, cancellation);
        return cas.Has(digest) ? cas[digest] : null;
    }

    public async ValueTask<IReadOnlyList<Digest>> FindMissingAsync(
        IReadOnlyList<Digest> digests, CancellationToken cancellation)
    {
        await world.DelayAsync(0, 3, cancellation);
        return [.. digests.Where(digest => !cas.Has(digest))];
    }

    public async ValueTask<Reapi.ActionResult?> FindCompleteAsync(
        string instanceName, Digest action, CancellationToken cancellation)
    {
        await world.DelayAsync(0, 3, cancellation);
        return cas.Results.TryGetValue(action, out var result) && HasAll(result) ? result.Clone() : null;
    }

    private bool HasAll(Reapi.ActionResult result) =>
        result.OutputFiles.Select(static file => file.Digest)
            .Concat(result.OutputDirectories.Select(static directory => directory.TreeDigest))
            .Append(result.StdoutDigest).Append(result.StderrDigest)
            .All(wire => cas.Has(Digest.FromWire(wire, DigestFunction.Sha256, "an output")));
}
