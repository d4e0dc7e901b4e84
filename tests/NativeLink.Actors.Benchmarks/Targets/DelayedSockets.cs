using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.LocalCluster;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Benchmarks.Targets;

/// <summary>
/// T12: a no-op and an upload of 1 GiB with a CAS and a scheduler whose sockets have TCP_NODELAY
/// off, as NativeLink's have, against the same with it on.
/// </summary>
internal static class DelayedSockets
{
    private const int WarmUp = 60;
    private const int Block = 20;

    public static async Task<IReadOnlyList<Finding>> MeasureAsync(BenchContext context)
    {
        var volume = await context.VolumeAsync("tmpfs");
        await using var on = await Side.StartAsync(context, volume, noDelay: true);
        await using var off = await Side.StartAsync(context, volume, noDelay: false);
        var passes = context.Passes(400);
        var (fast, slow) = (new Sample(), new Sample());
        var actions = new List<(Digest On, Digest Off)>();
        for (var i = 0; i < WarmUp + passes; i++)
            actions.Add((on.AddNoOp(i), off.AddNoOp(i)));
        await on.Client.UploadAsync();
        await off.Client.UploadAsync();
        foreach (var (block, chunk) in actions.Chunk(Block).Index())
        {
            foreach (var action in chunk)
                Add(fast, (await on.Worker.RunAsync(action.On)).Took, block * Block < WarmUp);
            foreach (var action in chunk)
                Add(slow, (await off.Worker.RunAsync(action.Off)).Took, block * Block < WarmUp);
        }
        var (rateOn, rateOff) = (new Sample(), new Sample());
        for (var pass = 0; pass < 2; pass++)
        {
            rateOn.Add(await on.UploadRateAsync(pass));
            rateOff.Add(await off.UploadRateAsync(pass));
        }
        return
        [
            Finding.OfFloor("no-op, CAS and scheduler without TCP_NODELAY", slow.Median, fast.Median, 1.3, "ms",
                $"{slow}; with it {fast}"),
            Finding.OfFloor("upload of 1 GiB, CAS without TCP_NODELAY", rateOff.Median, rateOn.Median, 0.8, "GB/s",
                $"{rateOff}; with it {rateOn}", least: true),
        ];
    }

    private static void Add(Sample sample, TimeSpan took, bool skip)
    {
        if (!skip)
            sample.Add(took);
    }

    /// <summary>A cluster in this process, and a worker.</summary>
    private sealed class Side(LocalClusterHost cas, LoadClient client, CasWorker worker) : IAsyncDisposable
    {
        public LoadClient Client => client;

        public CasWorker Worker => worker;

        public static async Task<Side> StartAsync(BenchContext context, Volume volume, bool noDelay)
        {
            var directory = volume.NewDirectory(noDelay ? "t12-on" : "t12-off");
            var cas = await LocalClusterHost.StartAsync(
                new LocalClusterOptions
                {
                    Listen = new(System.Net.IPAddress.Loopback, 0),
                    WorkerApiListen = new(System.Net.IPAddress.Loopback, 0),
                    Cas = new ContentStoreOptions(Path.Combine(directory, "content"), Path.Combine(directory, "temp")),
                    ActionCachePath = Path.Combine(directory, "ac"),
                    NoDelay = noDelay,
                },
                NullLoggerFactory.Instance,
                TimeProvider.System);
            var worker = await CasWorker.StartAsync(context, volume.NewDirectory("t12-worker"),
                cas.ClientAddress.ToString(), noDelay);
            return new Side(cas, new LoadClient(cas.ClientAddress.ToString()), worker);
        }

        public Digest AddNoOp(int number) => client.Blobs.Add(["/bin/true"], salt: $"t12-{number}");

        public async Task<double> UploadRateAsync(int pass)
        {
            var action = BigBlob.AddMaker(client.Blobs, $"t12-{pass}");
            await client.UploadAsync();
            var (_, result) = await worker.RunAsync(action);
            return (1L << 30) / 1e6 / Stages.Of(result).Upload;
        }

        public async ValueTask DisposeAsync()
        {
            client.Dispose();
            await worker.DisposeAsync();
            await cas.DisposeAsync();
        }
    }
}
