using System.Globalization;
using NativeLink.Actors.Benchmarks.Floors;
using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Targets;

/// <summary>
/// T5: a cold tree of 10,000 files of 4 KiB from a CAS over gRPC into store and tree, against
/// writing and linking the same files locally; and how many round trips it takes, by what it takes
/// longer when a proxy between worker and CAS delays everything.
/// </summary>
internal static class ColdTree
{
    private const int Files = 10_000;
    private const double MostRoundTrips = 10;

    // A tree takes hundreds of milliseconds, and that much more or less each time: round trips are
    // counted by a delay that stands out.
    private const int WideLatencyTimes = 8;

    private static int _tags;

    public static async Task<IReadOnlyList<Finding>> MeasureAsync(BenchContext context)
    {
        var findings = new List<Finding>();
        var memory = await context.VolumeAsync("tmpfs");
        foreach (var volume in await context.VolumesAsync())
        {
            await using var cas = await ServerProcess.StartLocalIn(
                memory.NewDirectory("t5-cas"), context, "--workers", "0");
            await using var proxy = new DelayProxy(cas.Client);
            using var client = new LoadClient(cas.Client);
            findings.Add(await FetchAsync(context, volume, cas, client));
            if (volume.Name != "ext4")
                continue;
            await using var worker = await CasWorker.StartAsync(
                context, volume.NewDirectory("t5-latency"), proxy.Address);
            await worker.WarmUpAsync(client);
            foreach (var files in (int[])[256, 4_400, Files])
                findings.Add(await RoundTripsAsync(context, worker, client, proxy, files));
        }
        return findings;
    }

    private static async Task<Finding> FetchAsync(
        BenchContext context, Volume volume, ServerProcess cas, LoadClient client)
    {
        var (floors, cold) = await SampleAsync(context, volume, cas, client, context.Passes(8));
        return Finding.OfFloor($"cold 10,000 files from the CAS, {volume.Name}", cold.Median, floors.Median, 2, "ms",
            $"{cold}; written and linked locally {floors}");
    }

    /// <summary>So many cold trees of a new worker, and the same files written and linked locally.</summary>
    public static async Task<(Sample Floors, Sample Cold)> SampleAsync(
        BenchContext context, Volume volume, ServerProcess cas, LoadClient client, int passes)
    {
        await using var worker = await CasWorker.StartAsync(context, volume.NewDirectory("t5-worker"), cas.Client);
        await worker.WarmUpAsync(client);
        var bare = volume.NewDirectory("t5-floor");
        var (floors, cold) = (new Sample(), new Sample());
        for (var pass = 0; pass < passes; pass++)
        {
            floors.Add(Sample.Time(() =>
            {
                BareTree.Write(Path.Combine(bare, $"files-{pass}"), Files, "t5");
                BareTree.Link(Path.Combine(bare, $"files-{pass}"), Path.Combine(bare, $"tree-{pass}"), Files);
            }));
            cold.Add((await ColdAsync(worker, client, Files)).TotalMilliseconds);
        }
        return (floors, cold);
    }

    private static async Task<Finding> RoundTripsAsync(
        BenchContext context, CasWorker worker, LoadClient client, DelayProxy proxy, int files)
    {
        async Task<double> WithAsync(TimeSpan latency)
        {
            proxy.Latency = latency;
            return (await ColdAsync(worker, client, files)).TotalMilliseconds;
        }
        var (latency, wide) = (context.Latency, context.Latency * WideLatencyTimes);
        var (near, far, trips, wideTrips, calls) = (new Sample(), new Sample(), new Sample(), new Sample(),
            new Sample());
        for (var pass = 0; pass < Math.Max(3, context.Passes(6)); pass++)
        {
            // Without delay before and after those with it: what drifts in between is in both.
            var before = await WithAsync(TimeSpan.Zero);
            var callsBefore = proxy.Calls;
            far.Add(await WithAsync(latency));
            calls.Add(proxy.Calls - callsBefore);
            var delayed = await WithAsync(wide);
            near.Add((before + await WithAsync(TimeSpan.Zero)) / 2);
            trips.Add((far.Last - near.Last) / latency.TotalMilliseconds);
            wideTrips.Add((delayed - near.Last) / wide.TotalMilliseconds);
        }
        var note = string.Create(CultureInfo.InvariantCulture,
            $"by a delay of {wide.TotalMilliseconds:0.#} ms, {wideTrips.Spread}; " +
            $"by {latency.TotalMilliseconds:0.#} ms {trips.Median:0.0}, {trips.Spread}; " +
            $"{far.Median:0} ms with that, {near.Median:0} ms without, {near.Spread}; " +
            $"{calls.Median:0} calls in the whole action");
        return Finding.Against($"round trips of a cold tree of {files:N0} files, ext4", wideTrips.Median,
            MostRoundTrips, "round trips", note);
    }

    /// <summary>The time that the worker takes to fetch and build a tree whose files nobody has seen yet.</summary>
    private static async Task<TimeSpan> ColdAsync(CasWorker worker, LoadClient client, int files)
    {
        var tag = $"cold-{Interlocked.Increment(ref _tags)}";
        var action = client.Blobs.Add(["/bin/true"], InputTrees.Add(client.Blobs, files, tag));
        await client.UploadAsync();
        var (_, result) = await worker.RunAsync(action);
        return TimeSpan.FromMilliseconds(Stages.Of(result).Fetch);
    }
}
