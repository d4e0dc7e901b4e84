using System.Globalization;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Plots;

/// <summary>Actions a second through the local cluster, by how many are in flight.</summary>
internal static class RatePlot
{
    private const int Actions = 800;
    private static readonly int[] Inflight = [1, 2, 4, 8, 16];

    public static async Task WriteAsync(BenchContext context, string file)
    {
        await using var local = await ServerProcess.StartLocalAsync(
            context, "--workers", "1", "--max-inflight", $"{Inflight[^1]}");
        var curves = new List<Curve>
        {
            new("no-op", await MeasureAsync(local, (blobs, salt) => blobs.Add(["/bin/true"], salt: salt))),
            new("a shell that writes an output", await MeasureAsync(local,
                (blobs, salt) => blobs.Add(["/bin/sh", "-c", $"echo {salt} >out"], outputs: ["out"], salt: salt))),
        };
        Plot.Write(file, "Actions a second through the local cluster, by how many are in flight",
            "client, scheduler, CAS and worker share the machine; outputs and action cache entries are written",
            new Axes("actions in flight", "actions a second", LogX: false, LogY: false), curves);
    }

    private static async Task<IReadOnlyList<(double, double)>> MeasureAsync(
        ServerProcess local, Func<BlobSet, string, Protocol.Digest> make)
    {
        using var client = new LoadClient(local.Client);
        var points = new List<(double, double)>();
        foreach (var inflight in Inflight.Prepend(Inflight[^1]))
        {
            var actions = Enumerable.Range(0, Actions)
                .Select(
                    i => make(client.Blobs,
                        string.Create(CultureInfo.InvariantCulture, $"{inflight}-{points.Count}-{i}"))).ToList();
            await client.UploadAsync();
            var (total, _) = await client.ExecuteAllAsync(actions, inflight);
            points.Add((inflight, Actions / total.TotalSeconds));
        }
        // The first pass was the warm-up.
        return points[1..];
    }
}
